import ArgumentParser

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Turns what a user names into checkpoint files: files as they are, folders into the `*.safetensors` in them, patterns
/// (`'run-*/final.safetensors'`) into what they match; each group sorted by name.
public enum CheckpointPaths {
  /// - Throws: `PathFailure` listing every name that gives no file.
  public static func expand(_ names: [String]) throws -> [String] {
    var paths: [String] = []
    var problems: [String] = []
    for name in names {
      var information = stat()
      if stat(name, &information) == 0 {
        guard information.st_mode & S_IFMT == S_IFDIR else {
          paths.append(name)
          continue
        }
        do {
          let found = try FileManager.default.contentsOfDirectory(atPath: name)
            .filter { $0.hasSuffix(".safetensors") && !$0.hasPrefix(".") }.sorted()
          if found.isEmpty { problems.append("\(name): a folder without *.safetensors files") }
          let folder = name.hasSuffix("/") ? name : name + "/"
          paths += found.map { folder + $0 }
        } catch {
          problems.append("\(name): the folder cannot be read: \(String(cString: strerror(errno)))")
        }
      } else if errno != ENOENT && errno != ENOTDIR {
        problems.append("\(name): cannot be read: \(String(cString: strerror(errno)))")
      } else if name.contains(where: { "*?[".contains($0) }) {
        let found = matches(name)
        if found.isEmpty { problems.append("\(name): matches no file") }
        paths += found
      } else {
        problems.append("\(name): no such file or folder")
      }
    }
    guard problems.isEmpty else { throw PathFailure(problems: problems) }
    return paths
  }

  private static func matches(_ pattern: String) -> [String] {
    var result = glob_t()
    defer { globfree(&result) }
    guard glob(pattern, 0, nil, &result) == 0, let paths = result.gl_pathv else { return [] }
    return (0..<Int(result.gl_pathc)).compactMap { paths[$0].map { String(cString: $0) } }
  }
}

/// Names on the command line that lead to no checkpoint.
public struct PathFailure: Error, Equatable, CustomStringConvertible {
  public let problems: [String]

  public var description: String {
    problems.count == 1
      ? problems[0] : "\(problems.count) inputs cannot be used:\n  " + problems.joined(separator: "\n  ")
  }
}

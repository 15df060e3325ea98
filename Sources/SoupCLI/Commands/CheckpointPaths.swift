import ArgumentParser
import SoupCheckpoints

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Turns what a user names into checkpoints: files as they are, a Hugging Face model folder as one, other folders into the
/// `*.safetensors` in them (else their PyTorch and NumPy files), patterns (`'run-*/final.safetensors'`) into what they
/// match; each group sorted by name.
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
          let folder = try ModelFolder(name)
          let found = folder.isModel ? [name] : folder.checkpoints
          if found.isEmpty {
            problems.append("\(name): a folder without *.safetensors files, and without PyTorch or NumPy files")
          }
          paths += found
        } catch {
          problems.append("\(error)")
        }
      } else if errno != ENOENT && errno != ENOTDIR {
        problems.append("\(name): cannot be read: \(String(cString: strerror(errno)))")
      } else if name.contains(where: { "*?[".contains($0) }) {
        let found = matches(name)
        if found.isEmpty { problems.append("\(name): matches no file") }
        paths += found
      } else if let mark = name.ranges(of: "::").last, access(String(name[..<mark.lowerBound]), F_OK) == 0 {
        // A part of a PyTorch file.
        paths.append(name)
      } else {
        problems.append("\(name): no such file or folder")
      }
    }
    guard problems.isEmpty else { throw PathFailure(problems: problems) }
    return paths
  }

  /// The one checkpoint that an option names.
  static func expandOne(_ name: String, option: String) throws -> String {
    let paths = try expand([name])
    guard paths.count == 1 else {
      throw PathFailure(problems: ["\(option) \(name): names \(paths.count) checkpoints, where one is needed"])
    }
    return paths[0]
  }

  /// What tells paths apart: without the folders that all of them share, and without the extension.
  public static func shortNames(_ paths: [String]) -> [String] {
    let here = getcwd(nil, 0).map { folder in
      defer { free(folder) }
      return String(cString: folder)
    }
    let parts = paths.map { path in
      var parts: [Substring] = []
      let whole = path.hasPrefix("/") ? path : (here ?? "") + "/" + path
      for part in whole.split(separator: "/") where part != "." {
        if part == ".." { _ = parts.popLast() } else { parts.append(part) }
      }
      if let last = parts.last, let dot = last.lastIndex(of: "."), dot > last.startIndex {
        parts[parts.count - 1] = last[..<dot]
      }
      return parts.map(String.init)
    }
    guard parts.count > 1 else { return parts.map { $0.last ?? "" } }
    var shared = 0
    while parts.allSatisfy({ $0.count > shared + 1 && $0[shared] == parts[0][shared] }) { shared += 1 }
    return parts.map { $0[shared...].joined(separator: "/") }
  }

  /// Whether two names lead to one file or folder.
  static func areSame(_ a: String, _ b: String) -> Bool {
    if a == b { return true }
    var (first, second) = (stat(), stat())
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev
      && first.st_ino == second.st_ino
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

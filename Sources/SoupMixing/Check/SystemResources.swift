import SoupCheckpoints

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What this machine has left for a mix.
enum SystemResources {
  /// Bytes that can be allocated without swapping; nil where the system does not tell.
  static var freeMemory: Int? {
    guard let file = fopen("/proc/meminfo", "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
      let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        .split(whereSeparator: \.isWhitespace)
      if words.count >= 2, words[0] == "MemAvailable:", let kilobytes = Int(words[1]) { return kilobytes * 1024 }
    }
    return nil
  }

  /// Free bytes, for this user, where a file of that path would be written.
  static func freeDisk(for path: String) -> Int? {
    var information = statvfs()
    guard statvfs(folder(of: path), &information) == 0 else { return nil }
    return Int(clamping: UInt64(information.f_bavail).multipliedReportingOverflow(by: UInt64(information.f_frsize)).0)
  }

  /// Whether an output can be written at all, and whether it fits.
  static func findings(output: CheckpointDestination, needs: Int?, replacing: Bool) -> [CheckFinding] {
    var findings: [CheckFinding] = []
    var information = stat()
    let path = output.path
    if stat(path, &information) == 0 {
      let isFolder = information.st_mode & S_IFMT == S_IFDIR
      if output.isFolder != isFolder || (!isFolder && information.st_mode & S_IFMT != S_IFREG) {
        findings.append(
          CheckFinding(
            .error, .output, file: path, output.isFolder ? "is not a folder" : "is not a file",
            advice: "name a \(output.isFolder ? "folder" : "file") to write to"))
      } else if !replacing, !isFolder || !isEmpty(path) {
        findings.append(
          CheckFinding(
            .error, .output, file: path, isFolder ? "is a folder with files in it" : "exists already",
            advice: "name another output, or replace it with --force"))
      }
    }
    let folder = folder(of: path)
    if stat(folder, &information) != 0 || information.st_mode & S_IFMT != S_IFDIR {
      findings.append(
        CheckFinding(.error, .output, file: path, "the folder '\(folder)' does not exist", advice: "create it first"))
    } else if access(folder, W_OK) != 0 {
      findings.append(
        CheckFinding(
          .error, .output, file: path, "the folder '\(folder)' may not be written",
          advice: "write elsewhere, or change its permissions"))
    }
    if let needs, let free = freeDisk(for: path), needs > free {
      findings.append(
        CheckFinding(
          .error, .disk, file: path, "needs \(needs) bytes, but its file system has only \(free) free",
          advice: "free some space, write elsewhere, or store it in a smaller --dtype"))
    }
    return findings
  }

  private static func isEmpty(_ folder: String) -> Bool {
    guard let listing = opendir(folder) else { return false }
    defer { closedir(listing) }
    // Every folder has '.' and '..'.
    for _ in 0..<2 where readdir(listing) == nil { return true }
    return readdir(listing) == nil
  }

  /// The folder that something is in; a slash at the end says nothing.
  private static func folder(of path: String) -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
  }
}

import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What this process has begun to write and not finished, so that a signal can remove it.
struct UnfinishedOutputs: Sendable {
  var files: Set<String> = []
  /// Folders with nothing but files in them.
  var folders: Set<String> = []

  static let all = Mutex(UnfinishedOutputs())

  /// Removes everything.
  func remove() {
    for path in files { unlink(path) }
    for path in folders { Self.removeFolder(path) }
  }

  /// Removes a folder with the files in it; one that has folders in it stays.
  static func removeFolder(_ path: String) {
    for name in names(path) { unlink(path + "/" + name) }
    rmdir(path)
  }

  /// Names of everything in a folder, hidden files too.
  static func names(_ folder: String) -> [String] {
    guard let listing = opendir(folder) else { return [] }
    defer { closedir(listing) }
    var names: [String] = []
    while let entry = readdir(listing) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The names of files that are not finished yet: hidden, beside the file that they will become.
///
/// Whoever writes one holds a lock on it (`flock`), which ends with the process however it ends. One without a lock was
/// left by a process that was killed.
struct UnfinishedName {
  /// The folder of the finished file.
  let folder: String
  private let prefix: String
  private static let suffix = ".safetensors.partial"
  /// Ends the name of the notes on an unfinished file.
  static let journalSuffix = ".journal"

  init(_ path: String) {
    let slash = path.lastIndex(of: "/")
    folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    prefix = ".\(name.prefix(100))."
  }

  typealias Opened = (descriptor: Int32, path: String)

  /// Opens the file of that key, which may exist, and locks it; nil if another process has it, or locks do not work.
  func claim(_ key: String, mode: mode_t) -> Opened? {
    let path = "\(folder)/\(prefix)\(key)\(Self.suffix)"
    for _ in 0..<8 {
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode)
      guard descriptor >= 0 else { return nil }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        close(descriptor)
        return nil
      }
      // Between the two calls its former owner may have renamed or removed it.
      if Self.isNamed(descriptor, path) { return (descriptor, path) }
      close(descriptor)
    }
    return nil
  }

  /// Creates a file under a name that nobody else uses; nil with `errno` set if that fails.
  func create(mode: mode_t) -> Opened? {
    for _ in 0..<8 {
      let unique = String(UInt64.random(in: 0...UInt64.max), radix: 36)
      let path = "\(folder)/\(prefix)\(unique)\(Self.suffix)"
      let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode)
      if descriptor < 0, errno == EEXIST { continue }
      guard descriptor >= 0 else { return nil }
      // Where locks do not work nobody removes abandoned files either.
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0 || Self.isNamed(descriptor, path) { return (descriptor, path) }
      close(descriptor)
    }
    return nil
  }

  /// Removes what killed processes left of this file, except what may be continued.
  func removeAbandoned(except key: String?) {
    guard let listing = opendir(folder) else { return }
    defer { closedir(listing) }
    var names: [String] = []
    while let entry = readdir(listing) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasPrefix(prefix) { names.append(name) }
    }
    for name in names {
      let isJournal = name.hasSuffix(Self.suffix + Self.journalSuffix)
      let file = isJournal ? String(name.dropLast(Self.journalSuffix.count)) : name
      guard file.hasSuffix(Self.suffix), file.count > prefix.count + Self.suffix.count else { continue }
      let found = file.dropFirst(prefix.count).dropLast(Self.suffix.count)
      // Keys have no dots: 'a.b' is another file than 'a'.
      guard !found.contains("."), key.map({ $0 == found }) != true else { continue }
      let path = "\(folder)/\(file)"
      if isJournal {
        if access(path, F_OK) != 0 { unlink(path + Self.journalSuffix) }
        continue
      }
      let descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
      guard descriptor >= 0 else { continue }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0, Self.isNamed(descriptor, path) {
        unlink(path)
        unlink(path + Self.journalSuffix)
      }
      close(descriptor)
    }
  }

  /// Whether the open file is still the one of that name.
  private static func isNamed(_ descriptor: Int32, _ path: String) -> Bool {
    var (opened, named) = (stat(), stat())
    return fstat(descriptor, &opened) == 0 && lstat(path, &named) == 0 && opened.st_ino == named.st_ino
      && opened.st_dev == named.st_dev
  }
}

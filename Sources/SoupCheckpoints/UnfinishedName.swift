#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The names of files and folders that are not finished yet: hidden, beside what they will become.
///
/// Whoever writes one holds a lock on it (`flock`), which ends with the process however it ends. One without a lock was
/// left by a process that was killed.
struct UnfinishedName {
  enum Kind: String, CaseIterable {
    case file = ".safetensors.partial"
    case folder = ".folder.partial"
  }

  /// The folder of the finished file.
  let folder: String
  private let prefix: String
  private let kind: Kind
  /// Ends the name of the notes on an unfinished file, and is that of the notes in an unfinished folder.
  static let journalSuffix = ".journal"

  init(_ path: String, kind: Kind = .file) {
    let slash = path.lastIndex(of: "/")
    folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    prefix = ".\(name.prefix(100))."
    self.kind = kind
  }

  typealias Opened = (descriptor: Int32, path: String)

  /// Opens the file or folder of that key, which may exist, and locks it; nil if another process has it, or locks do not
  /// work.
  func claim(_ key: String, mode: mode_t) -> Opened? {
    let path = "\(folder)/\(prefix)\(key)\(kind.rawValue)"
    for _ in 0..<8 {
      let descriptor: Int32
      switch kind {
      case .file: descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode)
      case .folder:
        guard mkdir(path, mode) == 0 || errno == EEXIST else { return nil }
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
      }
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

  /// Creates a file or folder under a name that nobody else uses; nil with `errno` set if that fails.
  func create(mode: mode_t) -> Opened? {
    for _ in 0..<8 {
      let unique = String(UInt64.random(in: 0...UInt64.max), radix: 36)
      let path = "\(folder)/\(prefix)\(unique)\(kind.rawValue)"
      let descriptor: Int32
      switch kind {
      case .file: descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode)
      case .folder:
        descriptor = mkdir(path, mode) == 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1
      }
      if descriptor < 0, errno == EEXIST { continue }
      guard descriptor >= 0 else { return nil }
      // Where locks do not work nobody removes abandoned files either.
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0 || Self.isNamed(descriptor, path) { return (descriptor, path) }
      close(descriptor)
    }
    return nil
  }

  /// Removes what killed processes left of this file or folder, except what may be continued.
  func removeAbandoned(except key: String?) {
    for name in UnfinishedOutputs.names(folder) where name.hasPrefix(prefix) {
      for kind in Kind.allCases { remove(name, kind, except: kind == self.kind ? key : nil) }
    }
  }

  private func remove(_ name: String, _ kind: Kind, except key: String?) {
    let isJournal = name.hasSuffix(kind.rawValue + Self.journalSuffix)
    let file = isJournal ? String(name.dropLast(Self.journalSuffix.count)) : name
    guard file.hasSuffix(kind.rawValue), file.count > prefix.count + kind.rawValue.count else { return }
    let found = file.dropFirst(prefix.count).dropLast(kind.rawValue.count)
    // Keys have no dots: 'a.b' is another file than 'a'.
    guard !found.contains("."), key.map({ $0 == found }) != true else { return }
    let path = "\(folder)/\(file)"
    if isJournal {
      if access(path, F_OK) != 0 { unlink(path + Self.journalSuffix) }
      return
    }
    let flags = kind == .file ? O_RDWR : O_RDONLY | O_DIRECTORY
    let descriptor = open(path, flags | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0, Self.isNamed(descriptor, path) {
      switch kind {
      case .file:
        unlink(path)
        unlink(path + Self.journalSuffix)
      case .folder: UnfinishedOutputs.removeFolder(path)
      }
    }
    close(descriptor)
  }

  /// Whether the open file is still the one of that name.
  private static func isNamed(_ descriptor: Int32, _ path: String) -> Bool {
    var (opened, named) = (stat(), stat())
    return fstat(descriptor, &opened) == 0 && lstat(path, &named) == 0 && opened.st_ino == named.st_ino
      && opened.st_dev == named.st_dev
  }
}

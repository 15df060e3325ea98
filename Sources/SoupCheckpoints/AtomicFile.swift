import SoupTensors
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file that appears under its name only when it is complete.
///
/// It is written under another name in the same folder, flushed to the disk, and renamed; a crash at any moment leaves
/// either the old file or the new one. Dropped without `commit()`, it leaves nothing.
public final class AtomicFile: Sendable {
  /// Where the file will appear: the given path, with a symbolic link at its end followed.
  public let path: String
  private let temporaryPath: String
  private let folder: String
  private let descriptor: Int32
  private let isOpen = Mutex(true)

  /// Creates the temporary file and reserves its space, so that a full disk is found before the work is done.
  /// - Parameters:
  ///   - size: final size in bytes; 0 when unknown.
  ///   - replacing: whether an existing file of that name may be replaced.
  /// - Throws: `CheckpointError` with codes `exists`, `cannotWrite` or `noSpace`.
  public init(path: String, size: Int = 0, replacing: Bool = true) throws(CheckpointError) {
    var information = stat()
    var mode: mode_t = 0o666
    var target = path
    if stat(path, &information) == 0 {
      guard information.st_mode & S_IFMT == S_IFREG else {
        throw CheckpointError(.cannotWrite, path, "is not a file", advice: "name a file to write to")
      }
      guard replacing else {
        throw CheckpointError(.exists, path, "exists already", advice: "name another output, or allow replacing it")
      }
      mode = information.st_mode & 0o777
      if let resolved = realpath(path, nil) {
        target = String(cString: resolved)
        free(resolved)
      }
    }
    self.path = target
    let slash = target.lastIndex(of: "/")
    folder = slash.map { $0 == target.startIndex ? "/" : String(target[..<$0]) } ?? "."
    let name = slash.map { String(target[target.index(after: $0)...]) } ?? target
    let unique = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    temporaryPath = "\(folder)/.\(name.prefix(100)).\(unique).safetensors.partial"
    descriptor = open(temporaryPath, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else {
      throw Self.failure(path, "cannot be created in '\(folder)'", errno)
    }
    Self.unfinished.withLock { _ = $0.insert(temporaryPath) }
    if size > 0 { try reserve(size) }
  }

  deinit { discard() }

  /// Writes all of `bytes` at `offset`; may be called from several threads for different parts.
  public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(CheckpointError) {
    var done = 0
    while done < bytes.count {
      let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Self.failure(path, "cannot be written", count == 0 ? ENOSPC : errno) }
      done += count
    }
  }

  /// Flushes the file to the disk and gives it its name.
  public func commit() throws(CheckpointError) {
    guard fsync(descriptor) == 0 else { throw Self.failure(path, "cannot be written to the disk", errno) }
    let code = Self.unfinished.withLock { paths in
      paths.remove(temporaryPath)
      return rename(temporaryPath, path) == 0 ? 0 : errno
    }
    guard code == 0 else { throw Self.failure(path, "cannot be put in place", code) }
    isOpen.withLock { isOpen in
      close(descriptor)
      isOpen = false
    }
    // The name itself lives in the folder. Some network disks refuse to flush folders; the file is complete there too.
    let handle = open(folder, O_RDONLY | O_CLOEXEC)
    if handle >= 0 {
      _ = fsync(handle)
      close(handle)
    }
  }

  /// Removes every temporary file of this process and ends it, for a program that a signal tells to end.
  ///
  /// Files that another thread is about to commit are not committed any more.
  public static func discardAll(then end: () -> Never) -> Never {
    unfinished.withLock { paths in
      for path in paths { unlink(path) }
      end()
    }
  }

  private static let unfinished = Mutex<Set<String>>([])

  private func discard() {
    isOpen.withLock { isOpen in
      guard isOpen, descriptor >= 0 else { return }
      close(descriptor)
      isOpen = false
      unlink(temporaryPath)
      Self.unfinished.withLock { _ = $0.remove(temporaryPath) }
    }
  }

  private func reserve(_ size: Int) throws(CheckpointError) {
    #if os(Linux)
      var code = posix_fallocate(descriptor, 0, off_t(size))
      while code == EINTR { code = posix_fallocate(descriptor, 0, off_t(size)) }
      if code == 0 { return }
      // Not every file system can reserve; the length alone is then set, and a full disk is found while writing.
      guard [EOPNOTSUPP, ENOSYS, EINVAL].contains(code) else {
        throw Self.failure(path, "needs \(size) bytes", code)
      }
    #endif
    guard ftruncate(descriptor, off_t(size)) == 0 else { throw Self.failure(path, "needs \(size) bytes", errno) }
  }

  private static func failure(_ path: String, _ what: String, _ code: Int32) -> CheckpointError {
    switch code {
    case ENOSPC, EDQUOT:
      CheckpointError(
        .noSpace, path, "\(what): the disk is full", advice: "nothing was kept; free some space, or write elsewhere")
    case EFBIG:
      CheckpointError(
        .noSpace, path, "\(what): larger than the system allows a file to be",
        advice: "nothing was kept; raise the limit ('ulimit -f'), or write elsewhere")
    case ENOENT, ENOTDIR:
      CheckpointError(.cannotWrite, path, "\(what): the folder does not exist", advice: "create it first")
    default:
      CheckpointError(.cannotWrite, path, "\(what): \(systemError(code))")
    }
  }
}

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
/// either the old file or the new one. Dropped without `commit()`, it leaves nothing. What a killed process leaves is
/// continued by the next one that gives the same key for the same path, and removed by any other.
public final class AtomicFile: Sendable {
  /// Where the file will appear: the given path, with a symbolic link at its end followed.
  public let path: String
  /// Whether an earlier process left this file unfinished; it has its size, and some of its bytes.
  public let isContinued: Bool
  /// Where notes on the unfinished file belong: they are removed with it, and kept when the process is killed. Nil
  /// without a key, and while another process writes the same file.
  public let journalPath: String?
  private let temporaryPath: String
  private let folder: String
  private let descriptor: Int32
  private let isOpen = Mutex(true)

  /// Creates the temporary file and reserves its space, so that a full disk is found before the work is done.
  /// - Parameters:
  ///   - size: final size in bytes; 0 when unknown.
  ///   - replacing: whether an existing file of that name may be replaced.
  ///   - key: names the contents, in letters and digits: a file left unfinished under the same key is continued.
  /// - Throws: `CheckpointError` with codes `exists`, `cannotWrite` or `noSpace`.
  public init(path: String, size: Int = 0, replacing: Bool = true, key: String? = nil) throws(CheckpointError) {
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
    let names = UnfinishedName(target)
    folder = names.folder
    names.removeAbandoned(except: key)
    var opened = key.map { names.claim($0, mode: mode) } ?? nil
    journalPath = opened.map { $0.path + UnfinishedName.journalSuffix }
    if opened == nil { opened = names.create(mode: mode) }
    guard let opened else { throw Self.failure(path, "cannot be created in '\(folder)'", errno) }
    (descriptor, temporaryPath) = opened
    isContinued = journalPath != nil && size > 0 && fstat(descriptor, &information) == 0 && information.st_size == size
    let paths = [temporaryPath, journalPath].compactMap { $0 }
    Self.unfinished.withLock { $0.formUnion(paths) }
    if size > 0, !isContinued { try reserve(size) }
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

  /// Reads bytes of the unfinished file; false if they cannot be read.
  public func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) -> Bool {
    var done = 0
    while done < target.count {
      let count = pread(descriptor, target.baseAddress! + done, target.count - done, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      done += count
    }
    return true
  }

  /// Flushes the file to the disk and gives it its name.
  public func commit() throws(CheckpointError) {
    guard fsync(descriptor) == 0 else { throw Self.failure(path, "cannot be written to the disk", errno) }
    let code = Self.unfinished.withLock { paths in
      paths.remove(temporaryPath)
      // First, so that the finished file is never accompanied by notes. A crash in between costs only the time.
      if let journalPath {
        paths.remove(journalPath)
        unlink(journalPath)
      }
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
      // Removed before the lock on it ends, so that nobody takes it for an abandoned one.
      for path in [temporaryPath, journalPath].compactMap({ $0 }) {
        unlink(path)
        Self.unfinished.withLock { _ = $0.remove(path) }
      }
      close(descriptor)
      isOpen = false
    }
  }

  private func reserve(_ size: Int) throws(CheckpointError) {
    guard ftruncate(descriptor, 0) == 0 else { throw Self.failure(path, "cannot be written", errno) }
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

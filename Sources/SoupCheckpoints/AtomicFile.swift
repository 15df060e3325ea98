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
  private let file: WritableFile
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
    guard let opened else { throw WritableFile.failure(path, "cannot be created in '\(folder)'", errno) }
    file = WritableFile(opened.descriptor, name: target)
    temporaryPath = opened.path
    isContinued = journalPath != nil && size > 0 && file.size == size
    let paths = [temporaryPath, journalPath].compactMap { $0 }
    UnfinishedOutputs.all.withLock { $0.files.formUnion(paths) }
    if size > 0, !isContinued { try file.reserve(size) }
  }

  deinit { discard() }

  /// Writes all of `bytes` at `offset`; may be called from several threads for different parts.
  public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(CheckpointError) {
    try file.write(bytes, at: offset)
  }

  /// Reads bytes of the unfinished file; false if they cannot be read.
  public func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) -> Bool {
    file.read(into: target, at: offset)
  }

  /// Flushes the file to the disk and gives it its name.
  public func commit() throws(CheckpointError) {
    try file.flush()
    let code = UnfinishedOutputs.all.withLock { unfinished in
      unfinished.files.remove(temporaryPath)
      // First, so that the finished file is never accompanied by notes. A crash in between costs only the time.
      if let journalPath {
        unfinished.files.remove(journalPath)
        unlink(journalPath)
      }
      return rename(temporaryPath, path) == 0 ? 0 : errno
    }
    guard code == 0 else { throw WritableFile.failure(path, "cannot be put in place", code) }
    isOpen.withLock { $0 = false }
    WritableFile.flush(folder: folder)
  }

  /// Removes every temporary file of this process and ends it, for a program that a signal tells to end.
  ///
  /// Outputs that another thread is about to commit are not committed any more.
  public static func discardAll(then end: () -> Never) -> Never {
    UnfinishedOutputs.all.withLock { unfinished in
      unfinished.remove()
      end()
    }
  }

  private func discard() {
    isOpen.withLock { isOpen in
      guard isOpen, file.descriptor >= 0 else { return }
      // Removed before the lock on it ends, so that nobody takes it for an abandoned one.
      for path in [temporaryPath, journalPath].compactMap({ $0 }) {
        unlink(path)
        UnfinishedOutputs.all.withLock { _ = $0.files.remove(path) }
      }
      isOpen = false
    }
  }
}

import SoupTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An open file that is being written, at any position and by several threads.
final class WritableFile: Sendable {
  /// What messages call it.
  let name: String
  let descriptor: Int32

  /// - Parameter descriptor: open for reading and writing; closed with the last reference.
  init(_ descriptor: Int32, name: String) {
    self.descriptor = descriptor
    self.name = name
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Size in bytes, or nil if it cannot be told.
  var size: Int? {
    var information = stat()
    return fstat(descriptor, &information) == 0 ? Int(information.st_size) : nil
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(CheckpointError) {
    var done = 0
    while done < bytes.count {
      let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Self.failure(name, "cannot be written", count == 0 ? ENOSPC : errno) }
      done += count
    }
  }

  func write(_ bytes: [UInt8], at offset: Int) throws(CheckpointError) {
    try bytes.withUnsafeBufferPointer { (bytes) throws(CheckpointError) in
      try write(UnsafeRawBufferPointer(bytes), at: offset)
    }
  }

  /// Reads bytes back; false if they cannot be read.
  func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) -> Bool {
    var done = 0
    while done < target.count {
      let count = pread(descriptor, target.baseAddress! + done, target.count - done, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      done += count
    }
    return true
  }

  /// Gives the file its final size and takes its space, so that a full disk is found before the work is done.
  func reserve(_ size: Int) throws(CheckpointError) {
    guard ftruncate(descriptor, 0) == 0 else { throw Self.failure(name, "cannot be written", errno) }
    #if os(Linux)
      if size > 0 {
        var code = posix_fallocate(descriptor, 0, off_t(size))
        while code == EINTR { code = posix_fallocate(descriptor, 0, off_t(size)) }
        if code == 0 { return }
        // Not every file system can reserve; the length alone is then set, and a full disk is found while writing.
        guard [EOPNOTSUPP, ENOSYS, EINVAL].contains(code) else {
          throw Self.failure(name, "needs \(size) bytes", code)
        }
      }
    #endif
    guard ftruncate(descriptor, off_t(size)) == 0 else { throw Self.failure(name, "needs \(size) bytes", errno) }
  }

  /// Flushes the file to the disk.
  func flush() throws(CheckpointError) {
    guard fsync(descriptor) == 0 else { throw Self.failure(name, "cannot be written to the disk", errno) }
  }

  /// Flushes the names in a folder. Some network disks refuse; what is named is complete there too.
  static func flush(folder: String) {
    let handle = open(folder, O_RDONLY | O_CLOEXEC)
    guard handle >= 0 else { return }
    _ = fsync(handle)
    close(handle)
  }

  /// The error for a system call that failed.
  static func failure(_ path: String, _ what: String, _ code: Int32) -> CheckpointError {
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

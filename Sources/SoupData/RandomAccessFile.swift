#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A regular file, read anywhere by any number of threads.
final class RandomAccessFile: Sendable {
  let path: String
  /// Size in bytes when it was opened.
  let size: Int
  private let descriptor: Int32

  init(_ path: String) throws(DataError) {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      let code: DataError.Code = errno == ENOENT || errno == ENOTDIR ? .notFound : .unreadable
      throw DataError(code, file: path, String(cString: strerror(errno)))
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw DataError(.unreadable, file: path, "is not a regular file")
    }
    self.path = path
    self.descriptor = descriptor
    size = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// Fills part or all of `buffer` with the bytes from `offset` on; 0 only at the end.
  func readSome(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DataError) -> Int {
    guard !buffer.isEmpty else { return 0 }
    while true {
      let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
      if count >= 0 { return count }
      if errno != EINTR { throw DataError(.unreadable, file: path, String(cString: strerror(errno))) }
    }
  }

  /// Fills `buffer` with the bytes from `offset` on.
  /// - Throws: `DataError.wrongSize` if the file ends first: it was cut since it was opened.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DataError) {
    var done = 0
    while done < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count = try readSome(into: rest, at: offset + done)
      guard count > 0 else { throw DataError(.wrongSize, file: path, "ends early, at byte \(offset + done)") }
      done += count
    }
  }

  func bytes(in range: Range<Int>) throws(DataError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: range.count)
    var failure: DataError?
    bytes.withUnsafeMutableBytes { buffer in
      do throws(DataError) { try read(into: buffer, at: range.lowerBound) } catch { failure = error }
    }
    if let failure { throw failure }
    return bytes
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Bytes that arrive in order.
protocol ByteSource: AnyObject {
  /// The file's path, for messages.
  var path: String { get }
  /// Fills part or all of `buffer`; 0 only at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int
}

extension ByteSource {
  /// Fills `buffer` unless the bytes end first; returns how many there were.
  func readFully(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
    var filled = 0
    while filled < buffer.count {
      let count = try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
      if count == 0 { break }
      filled += count
    }
    return filled
  }

  /// Whether nothing is left. Reads one byte if something is.
  func isAtEnd() throws(DataError) -> Bool {
    var byte: UInt8 = 0
    do {
      return try withUnsafeMutableBytes(of: &byte) { try read(into: $0) } == 0
    } catch let error as DataError {
      throw error
    } catch {
      throw DataError(.unreadable, file: path, "\(error)")
    }
  }
}

/// A regular file, read from front to back.
final class InputFile: ByteSource {
  let path: String
  /// Size in bytes when it was opened.
  let size: Int
  private let descriptor: Int32

  init(_ path: String) throws(DataError) {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      let code: DataError.Code = errno == ENOENT || errno == ENOTDIR ? .notFound : .unreadable
      throw DataError(code, file: path, Self.systemMessage())
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

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
    guard !buffer.isEmpty else { return 0 }
    while true {
      #if canImport(Glibc)
        let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      #elseif canImport(Musl)
        let count = Musl.read(descriptor, buffer.baseAddress, buffer.count)
      #else
        let count = Darwin.read(descriptor, buffer.baseAddress, buffer.count)
      #endif
      if count >= 0 { return count }
      if errno != EINTR { throw DataError(.unreadable, file: path, Self.systemMessage()) }
    }
  }

  /// Goes back to the first byte.
  func rewind() throws(DataError) {
    guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw DataError(.unreadable, file: path, Self.systemMessage()) }
  }

  private static func systemMessage() -> String { String(cString: strerror(errno)) }
}

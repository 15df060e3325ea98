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
  private let file: RandomAccessFile
  private var offset = 0

  var path: String { file.path }
  /// Size in bytes when it was opened.
  var size: Int { file.size }

  init(_ path: String) throws(DataError) { file = try RandomAccessFile(path) }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
    let count = try file.readSome(into: buffer, at: offset)
    offset += count
    return count
  }

  /// Goes back to the first byte.
  func rewind() { offset = 0 }
}

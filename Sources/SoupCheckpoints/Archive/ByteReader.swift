/// Little-endian numbers and runs of bytes, in order; nil beyond the end.
struct ByteReader {
  let bytes: UnsafeRawBufferPointer
  private(set) var position: Int

  init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
    self.bytes = bytes
    self.position = min(max(position, 0), bytes.count)
  }

  var remaining: Int { bytes.count - position }

  mutating func integer<Word: FixedWidthInteger & BitwiseCopyable>(_: Word.Type) -> Word? {
    guard remaining >= MemoryLayout<Word>.size else { return nil }
    defer { position += MemoryLayout<Word>.size }
    return Word(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Word.self))
  }

  /// An unsigned number of any width that fits an `Int`.
  mutating func count<Word: FixedWidthInteger & BitwiseCopyable>(_ type: Word.Type) -> Int? {
    integer(type).flatMap { Int(exactly: $0) }
  }

  mutating func take(_ count: Int) -> Range<Int>? {
    guard count >= 0, count <= remaining else { return nil }
    defer { position += count }
    return position..<position + count
  }

  mutating func skip(_ count: Int) -> Bool { take(count) != nil }

  /// Bytes up to a line feed, which is passed over.
  mutating func line() -> Range<Int>? {
    guard let end = bytes[position...].firstIndex(of: 0x0A) else { return nil }
    defer { position = end + 1 }
    return position..<end
  }
}

/// One stored entry of a zip archive that is being written, and the directory of all.
struct ZipRecord: Sendable {
  let name: String
  /// Where its header begins.
  let offset: Int
  let size: Int
  /// The bytes, if they are known already.
  let content: [UInt8]?
  private let padding: Int

  private static let limit = Int(UInt32.max)

  /// - Parameter alignment: of the first byte of the data in the file, by padding in the header as PyTorch does it.
  init(name: String, offset: Int, size: Int, content: [UInt8]?, alignment: Int) {
    self.name = name
    self.offset = offset
    self.size = size
    self.content = content
    let fixed = offset + 30 + name.utf8.count + (size >= Self.limit ? 20 : 0)
    if alignment > 1 {
      // The padding is a field of its own, whose 4 bytes of header always go in.
      padding = 4 + (alignment - (fixed + 4) % alignment) % alignment
    } else {
      padding = 0
    }
  }

  var dataOffset: Int { offset + 30 + name.utf8.count + extra.count }

  func localHeader(_ checksum: UInt32) -> [UInt8] {
    [0x50, 0x4B, 3, 4] + Self.word(isLarge ? 45 : 20) + Self.common(checksum) + Self.long(size) + Self.long(size)
      + Self.word(name.utf8.count) + Self.word(extra.count) + Array(name.utf8) + extra
  }

  /// The directory of all records and the end of the archive.
  static func end(_ records: [ZipRecord], checksums: [UInt32], at start: Int) -> [UInt8] {
    var directory: [UInt8] = []
    for (record, checksum) in zip(records, checksums) { directory += record.directoryEntry(checksum) }
    var end: [UInt8] = []
    if records.count >= 0xFFFF || start >= limit || directory.count >= limit {
      let count = little(UInt64(records.count))
      end += [0x50, 0x4B, 6, 6] + little(UInt64(44)) + word(45) + word(45) + little(UInt32(0)) + little(UInt32(0))
      end += count + count + little(UInt64(directory.count)) + little(UInt64(start))
      end += [0x50, 0x4B, 6, 7] + little(UInt32(0)) + little(UInt64(start + directory.count)) + little(UInt32(1))
    }
    let count = word(min(records.count, 0xFFFF))
    end += [0x50, 0x4B, 5, 6] + word(0) + word(0) + count + count + long(directory.count) + long(start) + word(0)
    return directory + end
  }

  private var isLarge: Bool { size >= Self.limit || offset >= Self.limit }

  private var extra: [UInt8] {
    var extra: [UInt8] = []
    if size >= Self.limit {
      extra += Self.word(1) + Self.word(16) + Self.little(UInt64(size)) + Self.little(UInt64(size))
    }
    if padding > 0 {
      extra += [0x46, 0x42] + Self.word(padding - 4) + Array(repeating: 0x5A, count: padding - 4)
    }
    return extra
  }

  private func directoryEntry(_ checksum: UInt32) -> [UInt8] {
    var large: [UInt8] = []
    if size >= Self.limit { large += Self.little(UInt64(size)) + Self.little(UInt64(size)) }
    if offset >= Self.limit { large += Self.little(UInt64(offset)) }
    if !large.isEmpty { large = Self.word(1) + Self.word(large.count) + large }
    var entry: [UInt8] = [0x50, 0x4B, 1, 2] + Self.word(45) + Self.word(isLarge ? 45 : 20) + Self.common(checksum)
    entry += Self.long(size) + Self.long(size) + Self.word(name.utf8.count) + Self.word(large.count)
    entry += Array(repeating: 0, count: 10) + Self.long(offset) + Array(name.utf8) + large
    return entry
  }

  /// Flags (names are UTF-8), method, no date (the same tensors give the same bytes), checksum.
  private static func common(_ checksum: UInt32) -> [UInt8] {
    word(0x800) + word(0) + word(0) + word(0x21) + little(checksum)
  }

  private static func word(_ value: Int) -> [UInt8] { little(UInt16(value)) }
  private static func long(_ value: Int) -> [UInt8] { little(UInt32(min(value, limit))) }

  private static func little(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}

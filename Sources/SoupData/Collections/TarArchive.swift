/// The regular files in an uncompressed tar archive, found by reading its headers: POSIX ustar, pax and GNU long names.
///
/// A header is believed only as far as the archive bears it out: its checksum must agree, its numbers must be numbers, and its
/// file must end before the archive does.
public struct TarArchive: Sendable {
  public struct Entry: Sendable, Hashable {
    public let name: String
    /// Where its bytes are in the archive.
    public let range: Range<Int>
  }

  public let path: String
  public let entries: [Entry]

  static let blockSize = 512
  /// No file name needs more.
  private static let nameLimit = 1 << 16

  /// - Throws: `DataError`: `.notFound`, `.unreadable`, `.damaged`, `.wrongSize`.
  public init(_ path: String) throws(DataError) {
    let file = try RandomAccessFile(path)
    try self.init(path: path, count: file.size) { range throws(DataError) in try file.bytes(in: range) }
  }

  /// An archive in memory.
  public init(_ bytes: [UInt8], path: String = "archive") throws(DataError) {
    try self.init(path: path, count: bytes.count) { range throws(DataError) in Array(bytes[range]) }
  }

  private init(path: String, count: Int, read: (Range<Int>) throws(DataError) -> [UInt8]) throws(DataError) {
    var entries: [Entry] = []
    var at = 0
    var longName: String?
    var pax: (path: String?, size: Int?) = (nil, nil)
    while at < count {
      guard count - at >= Self.blockSize else {
        throw DataError(.wrongSize, file: path, "ends inside the header at byte \(at)")
      }
      let header = try read(at..<at + Self.blockSize)
      if header.allSatisfy({ $0 == 0 }) { break }
      if at == 0, header[0] == 0x1f, header[1] == 0x8b {
        throw DataError(
          .unsupported, file: path, "is compressed, and its images cannot be found by position",
          advice: "Unpack it once: gunzip \(path)")
      }
      try Self.check(header, at: at, path: path)
      guard let claimed = Self.number(header[124..<136]) else {
        throw DataError(.damaged, file: path, "the entry at byte \(at) has no size that makes sense")
      }
      let type = header[156]
      let isRegular = type == UInt8(ascii: "0") || type == 0 || type == UInt8(ascii: "7")
      let size = isRegular ? pax.size ?? claimed : claimed
      let start = at + Self.blockSize
      guard size >= 0, size <= count - start else {
        throw DataError(
          .wrongSize, file: path, "the archive ends inside the entry at byte \(at)", expected: "\(size) bytes",
          found: "\(count - start)")
      }
      switch type {
      case UInt8(ascii: "L"), UInt8(ascii: "x"):
        guard size <= Self.nameLimit else {
          throw DataError(
            .tooLarge, file: path, "the name at byte \(at) is too long", expected: "up to \(Self.nameLimit) bytes",
            found: "\(size)")
        }
        let content = try read(start..<start + size)
        if type == UInt8(ascii: "L") {
          longName = Self.text(content[...])
        } else {
          pax = Self.extended(content)
        }
      case _ where isRegular:
        let name = pax.path ?? longName ?? Self.name(header)
        entries.append(Entry(name: name, range: start..<start + size))
        (longName, pax) = (nil, (nil, nil))
      default:
        (longName, pax) = (nil, (nil, nil))
      }
      let padded = (size + Self.blockSize - 1) / Self.blockSize * Self.blockSize
      // The padding of the last file may be missing.
      at = min(count, start + padded)
    }
    self.path = path
    self.entries = entries
  }

  private static func check(_ header: [UInt8], at: Int, path: String) throws(DataError) {
    var sum = 0
    for (index, byte) in header.enumerated() { sum += 148..<156 ~= index ? 32 : Int(byte) }
    guard number(header[148..<156]) == sum else {
      throw DataError(
        .damaged, file: path,
        at == 0 ? "is not a tar archive: the first header's checksum is wrong" : "the header at byte \(at) is damaged")
    }
  }

  private static func name(_ header: [UInt8]) -> String {
    let name = text(header[0..<100])
    // The prefix exists in POSIX headers, which say "ustar" and zero; GNU's has other fields there.
    guard header[257..<263].elementsEqual([0x75, 0x73, 0x74, 0x61, 0x72, 0]), header[345] != 0 else { return name }
    return text(header[345..<500]) + "/" + name
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// Octal digits, or GNU's binary form for what octal cannot hold; nil if it is neither or too large.
  private static func number(_ field: ArraySlice<UInt8>) -> Int? {
    if field.first! & 0x80 != 0 {
      var value = Int(field.first! & 0x7f)
      for byte in field.dropFirst() {
        guard value < 1 << 53 else { return nil }
        value = value << 8 | Int(byte)
      }
      return value
    }
    let digits = field.drop { $0 == 32 }.prefix { $0 != 0 && $0 != 32 }
    guard digits.count <= 12 else { return nil }
    var value = 0
    for digit in digits {
      guard (48..<56).contains(digit) else { return nil }
      value = value << 3 | Int(digit - 48)
    }
    return value
  }

  /// pax records, each `length key=value\n`; unknown keys and records that make no sense are passed over.
  private static func extended(_ content: [UInt8]) -> (path: String?, size: Int?) {
    var result: (path: String?, size: Int?) = (nil, nil)
    var rest = content[...]
    while let space = rest.firstIndex(of: 32) {
      guard let length = Int(text(rest[..<space])), length > space - rest.startIndex + 1, length <= rest.count else {
        return result
      }
      let record = rest[(space + 1)..<(rest.startIndex + length)]
      rest = rest[(rest.startIndex + length)...]
      guard let equals = record.firstIndex(of: UInt8(ascii: "=")) else { continue }
      let value = text(record[(equals + 1)...].dropLast())
      switch text(record[..<equals]) {
      case "path": result.path = value
      case "size": result.size = Int(value)
      default: break
      }
    }
    return result
  }
}

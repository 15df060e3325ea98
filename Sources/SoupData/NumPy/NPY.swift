import Foundation

/// An array in NumPy's `.npy` format: its header, and where its numbers are. Little-endian, in C order.
///
/// The header is parsed strictly and believed only as far as the file bears it out: shape and type must fill the file exactly.
/// - Source: NumPy, *The .npy format*, versions 1 to 3.
public struct NPY: Sendable, Hashable {
  public enum Element: String, Sendable, Hashable, CaseIterable {
    case uint8 = "u1"
    case int8 = "i1"
    case bool = "b1"
    case int16 = "i2"
    case uint16 = "u2"
    case int32 = "i4"
    case uint32 = "u4"
    case int64 = "i8"
    case uint64 = "u8"
    case float32 = "f4"
    case float64 = "f8"

    public var size: Int { Int(String(rawValue.last!))! }
  }

  public let element: Element
  public let shape: [Int]
  /// Where the numbers begin in the file.
  public let offset: Int

  public var count: Int { shape.reduce(1, *) }
  public var byteCount: Int { count * element.size }

  /// The longest header that is read; NumPy's own limit is 10,000.
  static let headerLimit = 1 << 16

  /// - Parameters:
  ///   - start: the first bytes of the file, up to `headerLimit`.
  ///   - fileSize: bytes of the whole file.
  /// - Throws: `DataError`: `.damaged`, `.wrongSize`, `.unsupported`.
  public init(_ start: [UInt8], fileSize: Int, name: String) throws(DataError) {
    guard start.count >= 10, start[..<6].elementsEqual([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]) else {
      throw DataError(
        start.isEmpty ? .wrongSize : .damaged, file: name, "is not a NumPy array (.npy)",
        found: start.isEmpty ? "an empty file" : nil)
    }
    let isLong = start[6] >= 2
    guard (1...3).contains(start[6]), !isLong || start.count >= 12 else {
      throw DataError(
        .unsupported, file: name, "is of an unknown version of .npy", expected: "1 to 3", found: "\(start[6])")
    }
    let length = (0..<(isLong ? 4 : 2)).reversed().reduce(0) { $0 << 8 | Int(start[8 + $1]) }
    let first = isLong ? 12 : 10
    guard length <= start.count - first else {
      throw DataError(
        .wrongSize, file: name, "ends inside its header, or the header is too long",
        expected: "\(length) bytes of header, at most \(Self.headerLimit)", found: "\(start.count - first)")
    }
    let text = String(decoding: start[first..<first + length], as: UTF8.self)
    guard let description = Self.value("descr", in: text), let order = Self.value("fortran_order", in: text),
      let sizes = Self.value("shape", in: text), let shape = Self.shape(sizes)
    else { throw DataError(.damaged, file: name, "the header of the .npy array makes no sense") }
    guard order == "False" else {
      throw DataError(
        .unsupported, file: name, "is in Fortran order", advice: "Save it as numpy.ascontiguousarray(…)")
    }
    let type = description.trimmingCharacters(in: CharacterSet(charactersIn: "'\""))
    guard let element = Element(rawValue: String(type.drop { "<|=".contains($0) })), !type.hasPrefix(">") else {
      throw DataError(
        .unsupported, file: name, "has elements of a type that is not read",
        expected: Element.allCases.map(\.rawValue).joined(separator: ", "), found: String(type.prefix(20)))
    }
    var bytes = element.size
    for side in shape {
      let (product, isTooLarge) = bytes.multipliedReportingOverflow(by: side)
      guard !isTooLarge else {
        throw DataError(.wrongSize, file: name, "the shape in the header is impossible", found: "\(shape)")
      }
      bytes = product
    }
    guard bytes == fileSize - first - length else {
      throw DataError(
        .wrongSize, file: name, "does not have the size that its header claims", expected: "\(bytes) bytes of \(shape)",
        found: "\(fileSize - first - length)")
    }
    self.element = element
    self.shape = shape
    offset = first + length
  }

  /// The text after `'key':` up to the comma or brace that ends it; parentheses stay together.
  private static func value(_ key: String, in text: String) -> String? {
    for quote in ["'", "\""] {
      guard let found = text.firstRange(of: quote + key + quote) else { continue }
      var rest = text[found.upperBound...].drop { $0 == " " }
      guard rest.first == ":" else { continue }
      rest = rest.dropFirst().drop { $0 == " " }
      if rest.first == "(" {
        guard let close = rest.firstIndex(of: ")") else { return nil }
        return String(rest[...close])
      }
      return String(rest.prefix { $0 != "," && $0 != "}" }).trimmingCharacters(in: .whitespaces)
    }
    return nil
  }

  /// `(3, 4)`, `(3,)`, `()`.
  private static func shape(_ text: String) -> [Int]? {
    guard text.hasPrefix("("), text.hasSuffix(")") else { return nil }
    var parts = text.dropFirst().dropLast().split(separator: ",", omittingEmptySubsequences: false)
      .map { $0.trimmingCharacters(in: .whitespaces) }
    if parts.last == "" { parts.removeLast() }
    guard parts.count <= 32 else { return nil }
    var shape: [Int] = []
    for part in parts {
      guard let side = Int(part), side >= 0 else { return nil }
      shape.append(side)
    }
    return shape
  }

  /// Integers of any width, from the bytes of this array or of some of its rows.
  /// - Throws: `DataError` for fractions and for integers beyond 64 bits with sign.
  func integers(_ bytes: UnsafeRawBufferPointer, rows: Int? = nil, name: String) throws(DataError) -> [Int] {
    guard shape.count == 1 || shape.count == 2 && shape[1] == 1 else {
      throw DataError(
        .unsupported, file: name, "has no labels", expected: "integers of [N] or [N, 1]", found: "\(shape)")
    }
    let count = rows ?? count
    func read<T: FixedWidthInteger>(_ type: T.Type) -> [Int?] {
      (0..<count).map {
        Int(exactly: T(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * element.size, as: T.self)))
      }
    }
    let values: [Int?] =
      switch element {
      case .uint8, .bool: read(UInt8.self)
      case .int8: read(Int8.self)
      case .int16: read(Int16.self)
      case .uint16: read(UInt16.self)
      case .int32: read(Int32.self)
      case .uint32: read(UInt32.self)
      case .int64: read(Int64.self)
      case .uint64: read(UInt64.self)
      case .float32: (0..<count).map { Int(exactly: bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)) }
      case .float64: (0..<count).map { Int(exactly: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self)) }
      }
    if let bad = values.firstIndex(of: nil) {
      throw DataError(.labelOutOfRange, file: name, "number \(bad) is no integer")
    }
    return values.map { $0! }
  }
}

import SoupTensors

/// A strict reader of exactly the JSON that a safetensors header may hold.
///
/// Written by hand because the general readers at hand accept what must be refused here: keys that occur twice, numbers
/// that lose digits. It never recurses, so no nesting exhausts the stack.
struct HeaderParser {
  let bytes: UnsafeRawBufferPointer
  let path: String
  /// Where the data begins in the file; added to every offset.
  let dataStart: Int
  private var position = 0
  private var unknownDTypes: [String] = []

  init(bytes: UnsafeRawBufferPointer, path: String, dataStart: Int) {
    self.bytes = bytes
    self.path = path
    self.dataStart = dataStart
  }

  typealias Failure = CheckpointError

  mutating func parse() throws(Failure) -> (metadata: [String: String], tensors: [TensorInfo]) {
    // One pass over all bytes first: strings cut out later are known to be well formed.
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw Failure(.invalidUTF8, path, "the header is not valid UTF-8")
    }
    var metadata: [String: String]?
    var tensors: [TensorInfo] = []
    var names: Set<String> = []
    guard bytes.first == UInt8(ascii: "{") else {
      throw Failure(.invalidHeader, path, "the header does not begin with '{'", advice: "it is not a safetensors file")
    }
    try members { (parser, name) throws(Failure) in
      if name == "__metadata__" {
        guard metadata == nil else { throw parser.duplicate(name, in: "the header") }
        metadata = try parser.strings()
        return
      }
      guard names.insert(name).inserted else {
        throw Failure(.duplicateKey, parser.path, "two tensors are named '\(name)'")
      }
      guard !name.isEmpty, !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
        throw Failure(
          .invalidName, parser.path, "a tensor's name is empty or has control characters: \(name.debugDescription)")
      }
      if let tensor = try parser.tensor(name) { tensors.append(tensor) }
    }
    skipSpace()
    guard position == bytes.count else { throw syntax("nothing but spaces after the last '}'") }
    guard unknownDTypes.isEmpty else {
      throw Failure(
        .unknownDType, path, "unknown dtype of \(unknownDTypes.joined(separator: ", "))",
        advice: "known are \(DType.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return (metadata ?? [:], tensors)
  }

  // MARK: the three kinds of value

  private mutating func tensor(_ name: String) throws(Failure) -> TensorInfo? {
    var dtype: String?
    var shape: [Int]?
    var offsets: [Int]?
    try members { (parser, key) throws(Failure) in
      switch key {
      case "dtype":
        guard dtype == nil else { throw parser.duplicate(key, in: "tensor '\(name)'") }
        dtype = try parser.string()
      case "shape":
        guard shape == nil else { throw parser.duplicate(key, in: "tensor '\(name)'") }
        shape = try parser.integers(of: "a dimension of tensor '\(name)'")
      case "data_offsets":
        guard offsets == nil else { throw parser.duplicate(key, in: "tensor '\(name)'") }
        offsets = try parser.integers(of: "an offset of tensor '\(name)'")
      default:
        throw Failure(
          .invalidHeader, parser.path, "tensor '\(name)' has a field '\(key)', which safetensors does not have")
      }
    }
    guard let dtype, let shape, let offsets else {
      let missing = [("dtype", dtype == nil), ("shape", shape == nil), ("data_offsets", offsets == nil)]
        .filter(\.1).map(\.0).joined(separator: ", ")
      throw Failure(.invalidHeader, path, "tensor '\(name)' has no \(missing)")
    }
    guard offsets.count == 2 else {
      throw Failure(.invalidHeader, path, "tensor '\(name)' has \(offsets.count) data offsets; there must be two")
    }
    guard let known = DType(rawValue: dtype) else {
      unknownDTypes.append("'\(name)' (\(dtype))")
      return nil
    }
    let (begin, beginOverflows) = offsets[0].addingReportingOverflow(dataStart)
    let (end, endOverflows) = offsets[1].addingReportingOverflow(dataStart)
    guard begin <= end, !beginOverflows, !endOverflows else {
      throw Failure(
        .offsetsOutOfRange, path, "tensor '\(name)' has data offsets \(offsets), which are no range of bytes")
    }
    guard let size = HostTensor.byteCount(shape: shape, dtype: known) else {
      throw Failure(.sizeMismatch, path, "tensor '\(name)' of shape \(shape) would have more bytes than can be counted")
    }
    guard size == end - begin else {
      throw Failure(
        .sizeMismatch, path,
        "tensor '\(name)' (\(dtype), shape \(shape)) needs \(size) bytes, but its offsets give \(end - begin)")
    }
    return TensorInfo(name: name, dtype: known, shape: shape, byteRange: begin..<end)
  }

  private mutating func strings() throws(Failure) -> [String: String] {
    var result: [String: String] = [:]
    try members { (parser, key) throws(Failure) in
      let value = try parser.string()
      guard result.updateValue(value, forKey: key) == nil else { throw parser.duplicate(key, in: "the metadata") }
    }
    return result
  }

  private mutating func integers(of what: String) throws(Failure) -> [Int] {
    var result: [Int] = []
    try expect("[")
    if take("]") { return result }
    repeat {
      result.append(try integer(of: what))
    } while take(",")
    try expect("]")
    return result
  }

  // MARK: JSON

  /// Reads `{ "key": value, … }`; `body` reads each value.
  private mutating func members(
    _ body: (inout HeaderParser, String) throws(Failure) -> Void
  ) throws(Failure) {
    try expect("{")
    if take("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try body(&self, key)
    } while take(",")
    try expect("}")
  }

  private mutating func integer(of what: String) throws(Failure) -> Int {
    skipSpace()
    let start = position
    while let byte = peek, (0x30...0x39).contains(byte) || "+-.eE".utf8.contains(byte) { position += 1 }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard !text.isEmpty else { throw syntax("an integer") }
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), text == "0" || text.first != "0", let value = Int(text)
    else {
      throw Failure(.invalidNumber, path, "\(what) is \(text); it must be an integer between 0 and 2^63 - 1")
    }
    return value
  }

  private mutating func string() throws(Failure) -> String {
    try expect("\"")
    var start = position
    var text = ""
    while true {
      guard let byte = peek else { throw syntax("the end of a string") }
      switch byte {
      case UInt8(ascii: "\""):
        text += String(decoding: bytes[start..<position], as: UTF8.self)
        position += 1
        return text
      case UInt8(ascii: "\\"):
        text += String(decoding: bytes[start..<position], as: UTF8.self)
        position += 1
        text.unicodeScalars.append(try escape())
        start = position
      case 0..<0x20:
        throw syntax("no control character in a string")
      default:
        position += 1
      }
    }
  }

  private mutating func escape() throws(Failure) -> Unicode.Scalar {
    guard let byte = peek else { throw syntax("the end of a string") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let high = try hexadecimal()
      if let scalar = Unicode.Scalar(high) { return scalar }
      // A surrogate must be the first of a pair.
      guard (0xD800...0xDBFF).contains(high), takeRaw("\\"), takeRaw("u") else { throw syntax("a surrogate pair") }
      let low = try hexadecimal()
      guard (0xDC00...0xDFFF).contains(low),
        let scalar = Unicode.Scalar(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
      else { throw syntax("a surrogate pair") }
      return scalar
    default: throw syntax("an escape that JSON has")
    }
  }

  private mutating func hexadecimal() throws(Failure) -> UInt32 {
    guard position + 4 <= bytes.count else { throw syntax("four hexadecimal digits") }
    var value: UInt32 = 0
    for byte in bytes[position..<position + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
        throw syntax("four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
    }
    position += 4
    return value
  }

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    return takeRaw(character)
  }

  private mutating func takeRaw(_ character: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(Failure) {
    guard take(character) else { throw syntax("'\(character)'") }
  }

  private func syntax(_ expected: String) -> Failure {
    let found = position < bytes.count ? "byte 0x" + String(bytes[position], radix: 16) : "the end"
    return Failure(
      .invalidHeader, path, "the header is not valid JSON: expected \(expected), found \(found) at byte \(position)",
      advice: "it is damaged or not a safetensors file")
  }

  private func duplicate(_ key: String, in place: String) -> Failure {
    Failure(.duplicateKey, path, "\(place) has the key '\(key)' twice")
  }
}

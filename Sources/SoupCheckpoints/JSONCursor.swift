/// A strict reader of the JSON that checkpoints hold, value by value.
///
/// Written by hand because the general readers at hand accept what must be refused here: keys that occur twice, numbers
/// that lose digits. Nesting is bounded, so none exhausts the stack.
struct JSONCursor {
  let bytes: UnsafeRawBufferPointer
  let path: String
  /// What the text is, for messages: `the header`.
  let subject: String
  /// What to do when the text is not JSON.
  let advice: String
  private var position = 0

  typealias Failure = CheckpointError

  /// - Throws: `invalidUTF8`; strings cut out later are then known to be well formed.
  init(_ bytes: UnsafeRawBufferPointer, path: String, subject: String, advice: String) throws(Failure) {
    self.bytes = bytes
    self.path = path
    self.subject = subject
    self.advice = advice
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw Failure(.invalidUTF8, path, "\(subject) is not valid UTF-8")
    }
  }

  /// Reads `{ "key": value, … }`; `body` reads each value.
  mutating func members(_ body: (inout JSONCursor, String) throws(Failure) -> Void) throws(Failure) {
    try expect("{")
    if take("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try body(&self, key)
    } while take(",")
    try expect("}")
  }

  /// Reads an object of strings.
  mutating func strings(in place: String) throws(Failure) -> [String: String] {
    var result: [String: String] = [:]
    try members { (cursor, key) throws(Failure) in
      let value = try cursor.string()
      guard result.updateValue(value, forKey: key) == nil else { throw cursor.duplicate(key, in: place) }
    }
    return result
  }

  mutating func integers(of what: String) throws(Failure) -> [Int] {
    var result: [Int] = []
    try expect("[")
    if take("]") { return result }
    repeat {
      result.append(try integer(of: what))
    } while take(",")
    try expect("]")
    return result
  }

  mutating func integer(of what: String) throws(Failure) -> Int {
    let text = number()
    guard !text.isEmpty else { throw syntax("an integer") }
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), text == "0" || text.first != "0", let value = Int(text)
    else {
      throw Failure(.invalidNumber, path, "\(what) is \(text); it must be an integer between 0 and 2^63 - 1")
    }
    return value
  }

  mutating func string() throws(Failure) -> String {
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

  /// Reads any value and gives the text of a string, number or word; nil for an object or list, whose members are passed
  /// over.
  mutating func scalar(depth: Int = 0) throws(Failure) -> String? {
    guard depth < 32 else { throw Failure(.tooComplex, path, "\(subject) is nested deeper than 32 levels") }
    skipSpace()
    switch peek {
    case UInt8(ascii: "\""): return try string()
    case UInt8(ascii: "{"):
      try members { (cursor, _) throws(Failure) in _ = try cursor.scalar(depth: depth + 1) }
      return nil
    case UInt8(ascii: "["):
      try expect("[")
      if take("]") { return nil }
      repeat { _ = try scalar(depth: depth + 1) } while take(",")
      try expect("]")
      return nil
    default:
      for word in ["true", "false", "null"] where bytes[position...].starts(with: word.utf8) {
        position += word.utf8.count
        return word
      }
      let text = number()
      guard Double(text) != nil else { throw syntax("a value") }
      return text
    }
  }

  /// Checks that nothing but space follows.
  mutating func finish() throws(Failure) {
    skipSpace()
    guard position == bytes.count else { throw syntax("nothing but spaces after the last '}'") }
  }

  func duplicate(_ key: String, in place: String) -> Failure {
    Failure(.duplicateKey, path, "\(place) has the key '\(key)' twice")
  }

  // MARK: characters

  private mutating func number() -> String {
    skipSpace()
    let start = position
    while let byte = peek, (0x30...0x39).contains(byte) || "+-.eE".utf8.contains(byte) { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
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
      .invalidHeader, path, "\(subject) is not valid JSON: expected \(expected), found \(found) at byte \(position)",
      advice: advice)
  }
}

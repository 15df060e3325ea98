import SoupTensors

/// The header of a NumPy array file: `\x93NUMPY`, a version, a length, and a Python dictionary of exactly three keys.
///
/// - Source: NumPy, "NEP 1: A Simple File Format for NumPy Arrays", versions 1.0 to 3.0.
struct NpyHeader {
  static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
  /// Honest headers have some hundred bytes; NumPy itself refuses more than 10,000 unless told to trust the file.
  static let maximumLength = 10_000

  let dtype: DType
  let shape: [Int]
  let isFortranOrder: Bool
  let isBigEndian: Bool
  /// Where the elements begin.
  let dataStart: Int

  /// - Parameters:
  ///   - bytes: the beginning of the array file.
  ///   - name: the array, for messages.
  init(_ bytes: UnsafeRawBufferPointer, name: String, path: String) throws(CheckpointError) {
    var reader = ByteReader(bytes)
    guard bytes.starts(with: Self.magic), reader.skip(6), let major = reader.integer(UInt8.self), reader.skip(1) else {
      throw CheckpointError(.invalidHeader, path, "'\(name)' is not a NumPy array")
    }
    guard (1...3).contains(major) else {
      throw CheckpointError(.unsupported, path, "'\(name)' has version \(major) of NumPy's format; 1 to 3 are read")
    }
    guard let length = major == 1 ? reader.count(UInt16.self) : reader.count(UInt32.self) else {
      throw CheckpointError(.truncated, path, "'\(name)' ends within its header", advice: "copy or download it again")
    }
    guard length <= Self.maximumLength else {
      throw CheckpointError(
        .headerTooLarge, path, "'\(name)' claims a header of \(length) bytes; at most \(Self.maximumLength) are read")
    }
    guard let text = reader.take(length) else {
      throw CheckpointError(.truncated, path, "'\(name)' ends within its header", advice: "copy or download it again")
    }
    dataStart = text.upperBound

    var literal = PythonLiteral(bytes[text], name: name, path: path)
    let fields = try literal.header()
    guard let kind = Self.dtypes[String(fields.descr.dropFirst())], "<>|=".contains(fields.descr.prefix(1)),
      kind.size == 1 || fields.descr.first != "|"
    else {
      if fields.descr.hasSuffix("O") {
        throw CheckpointError(
          .unsafePickle, path, "'\(name)' is an array of Python objects, stored as a pickle",
          advice: "store arrays of numbers; objects are never read")
      }
      throw CheckpointError(
        .unknownDType, path, "'\(name)' has the NumPy dtype '\(fields.descr)'",
        advice: "known are \(Self.dtypes.keys.sorted().joined(separator: ", ")), in either byte order")
    }
    dtype = kind
    isBigEndian = fields.descr.first == ">" && kind.size > 1
    isFortranOrder = fields.isFortranOrder
    shape = fields.shape
  }

  /// Number of bytes of the array's elements.
  func byteCount(name: String, path: String) throws(CheckpointError) -> Int {
    guard let count = HostTensor.byteCount(shape: shape, dtype: dtype) else {
      throw CheckpointError(
        .sizeMismatch, path, "'\(name)' of shape \(shape) would have more bytes than can be counted")
    }
    return count
  }

  /// Distances between neighbours; nil for row-major arrays. Only for an array whose bytes can be counted.
  var strides: [Int]? {
    guard isFortranOrder, !shape.contains(0) else { return nil }
    var strides: [Int] = []
    var step = 1
    for size in shape {
      strides.append(step)
      step *= size
    }
    return TensorSource.normalized(strides: strides, shape: shape)
  }

  private static let dtypes: [String: DType] = [
    "f8": .float64, "f4": .float32, "f2": .float16, "i8": .int64, "i4": .int32, "i2": .int16, "i1": .int8,
    "u1": .uint8, "b1": .bool, "?": .bool,
  ]
}

/// Reads the one Python dictionary that NumPy writes; nothing else of Python.
private struct PythonLiteral {
  private let bytes: Slice<UnsafeRawBufferPointer>
  private var position: Int
  private let name: String
  private let path: String

  init(_ bytes: Slice<UnsafeRawBufferPointer>, name: String, path: String) {
    self.bytes = bytes
    position = bytes.startIndex
    self.name = name
    self.path = path
  }

  mutating func header() throws(CheckpointError) -> (descr: String, isFortranOrder: Bool, shape: [Int]) {
    var (descr, order, shape): (String?, Bool?, [Int]?)
    try expect("{")
    while !take("}") {
      let key = try string()
      try expect(":")
      switch key {
      case "descr" where descr == nil:
        // Structured arrays have a list here.
        skipSpace()
        if peek == UInt8(ascii: "[") || peek == UInt8(ascii: "(") {
          throw CheckpointError(
            .unknownDType, path, "'\(name)' is a structured array", advice: "store its fields apart")
        }
        descr = try string()
      case "fortran_order" where order == nil: order = try truth()
      case "shape" where shape == nil: shape = try tuple()
      default: throw syntax("the keys descr, fortran_order and shape, each once")
      }
      if !take(",") {
        try expect("}")
        break
      }
    }
    skipSpace()
    guard position == bytes.endIndex, let descr, let order, let shape else {
      throw syntax("the keys descr, fortran_order and shape, each once")
    }
    return (descr, order, shape)
  }

  private mutating func string() throws(CheckpointError) -> String {
    skipSpace()
    guard let quote = peek, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { throw syntax("a string") }
    position += 1
    let start = position
    while let byte = peek, byte != quote {
      guard (0x20..<0x7F).contains(byte), byte != UInt8(ascii: "\\") else { throw syntax("a plain string") }
      position += 1
    }
    guard peek == quote else { throw syntax("the end of a string") }
    defer { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func truth() throws(CheckpointError) -> Bool {
    skipSpace()
    for (word, value) in [("True", true), ("False", false)] where bytes[position...].starts(with: word.utf8) {
      position += word.utf8.count
      return value
    }
    throw syntax("True or False")
  }

  private mutating func tuple() throws(CheckpointError) -> [Int] {
    var result: [Int] = []
    try expect("(")
    while !take(")") {
      skipSpace()
      let start = position
      while let byte = peek, (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-") { position += 1 }
      let text = String(decoding: bytes[start..<position], as: UTF8.self)
      // NumPy on Python 2 wrote long integers as 3L.
      _ = take("L")
      guard !text.isEmpty else { throw syntax("a dimension") }
      guard let value = Int(text), value >= 0, result.count < 64 else {
        throw CheckpointError(
          .invalidNumber, path, "'\(name)' has a dimension \(text); up to 64 between 0 and 2^63 - 1 are possible")
      }
      result.append(value)
      if !take(",") {
        try expect(")")
        break
      }
    }
    return result
  }

  private var peek: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x0A { position += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard peek == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(CheckpointError) {
    guard take(character) else { throw syntax("'\(character)'") }
  }

  private func syntax(_ expected: String) -> CheckpointError {
    CheckpointError(
      .invalidHeader, path, "the header of '\(name)' is damaged: expected \(expected)",
      advice: "copy or download it again")
  }
}

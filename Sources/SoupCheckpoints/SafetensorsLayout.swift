import SoupTensors

/// Where everything goes in a safetensors file, known before any value is.
///
/// Tensors are sorted by falling element size, otherwise left in the given order, and the data begins at a multiple of
/// 64 bytes: every tensor is aligned for its own dtype, as PyTorch's reader needs.
public struct SafetensorsLayout: Sendable {
  /// A tensor to be stored.
  public struct Item: Sendable {
    public let name: String
    public let dtype: DType
    public let shape: [Int]

    public init(name: String, dtype: DType, shape: [Int]) {
      self.name = name
      self.dtype = dtype
      self.shape = shape
    }
  }

  /// The length field, the JSON and its padding: the first bytes of the file.
  public let header: [UInt8]
  /// Tensors in file order with their final positions.
  public let entries: [TensorInfo]
  /// Size of the whole file in bytes.
  public var fileSize: Int { entries.last?.byteRange.upperBound ?? header.count }

  /// - Throws: `TensorError.storageTooSmall` if a shape's size cannot be counted, `.duplicateName`.
  public init(_ items: [Item], metadata: [String: String] = [:]) throws(TensorError) {
    var sized: [(item: Item, bytes: Int)] = []
    var names: Set<String> = []
    for item in items {
      guard names.insert(item.name).inserted else { throw .duplicateName(item.name) }
      guard let bytes = HostTensor.byteCount(shape: item.shape, dtype: item.dtype) else {
        throw .storageTooSmall(shape: item.shape, dtype: item.dtype, byteOffset: 0, available: 0)
      }
      sized.append((item, bytes))
    }
    let order = sized.indices.sorted { a, b in
      let (left, right) = (sized[a].item.dtype.size, sized[b].item.dtype.size)
      return left != right ? left > right : a < b
    }

    var json = "{"
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { Self.quoted($0.key) + ":" + Self.quoted($0.value) }
      json += "\"__metadata__\":{" + pairs.joined(separator: ",") + "}"
    }
    var position = 0
    var ranges: [Range<Int>] = []
    for index in order {
      let (item, bytes) = sized[index]
      let (end, overflow) = position.addingReportingOverflow(bytes)
      guard !overflow else {
        throw .storageTooSmall(shape: item.shape, dtype: item.dtype, byteOffset: position, available: 0)
      }
      if json.utf8.count > 1 { json += "," }
      let shape = item.shape.map(String.init).joined(separator: ",")
      json += Self.quoted(item.name)
      json += ":{\"dtype\":\"\(item.dtype.rawValue)\",\"shape\":[\(shape)],\"data_offsets\":[\(position),\(end)]}"
      ranges.append(position..<end)
      position = end
    }
    json += "}"
    let length = (json.utf8.count + 8 + 63) / 64 * 64 - 8
    json += String(repeating: " ", count: length - json.utf8.count)
    header = withUnsafeBytes(of: UInt64(length).littleEndian) { Array($0) } + Array(json.utf8)

    let start = header.count
    entries = zip(order, ranges).map { index, range in
      let item = sized[index].item
      return TensorInfo(
        name: item.name, dtype: item.dtype, shape: item.shape,
        byteRange: start + range.lowerBound..<start + range.upperBound)
    }
  }

  /// A JSON string literal.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{0}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

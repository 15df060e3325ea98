import SoupTensors

/// A strict reader of exactly the JSON that a safetensors header may hold.
///
/// It never recurses, so no nesting exhausts the stack.
struct HeaderParser {
  let bytes: UnsafeRawBufferPointer
  let path: String
  /// Where the data begins in the file; added to every offset.
  let dataStart: Int
  private var unknownDTypes: [String] = []

  init(bytes: UnsafeRawBufferPointer, path: String, dataStart: Int) {
    self.bytes = bytes
    self.path = path
    self.dataStart = dataStart
  }

  typealias Failure = CheckpointError

  mutating func parse() throws(Failure) -> (metadata: [String: String], tensors: [TensorInfo]) {
    var cursor = try JSONCursor(
      bytes, path: path, subject: "the header", advice: "it is damaged or not a safetensors file")
    var metadata: [String: String]?
    var tensors: [TensorInfo] = []
    var names: Set<String> = []
    guard bytes.first == UInt8(ascii: "{") else {
      throw Failure(.invalidHeader, path, "the header does not begin with '{'", advice: "it is not a safetensors file")
    }
    try cursor.members { (cursor, name) throws(Failure) in
      if name == "__metadata__" {
        guard metadata == nil else { throw cursor.duplicate(name, in: "the header") }
        metadata = try cursor.strings(in: "the metadata")
        return
      }
      guard names.insert(name).inserted else {
        throw Failure(.duplicateKey, path, "two tensors are named '\(name)'")
      }
      try TensorName.check(name, path: path)
      if let tensor = try tensor(name, &cursor) { tensors.append(tensor) }
    }
    try cursor.finish()
    guard unknownDTypes.isEmpty else {
      throw Failure(
        .unknownDType, path, "unknown dtype of \(unknownDTypes.joined(separator: ", "))",
        advice: "known are \(DType.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return (metadata ?? [:], tensors)
  }

  private mutating func tensor(_ name: String, _ cursor: inout JSONCursor) throws(Failure) -> TensorInfo? {
    var dtype: String?
    var shape: [Int]?
    var offsets: [Int]?
    try cursor.members { (cursor, key) throws(Failure) in
      switch key {
      case "dtype":
        guard dtype == nil else { throw cursor.duplicate(key, in: "tensor '\(name)'") }
        dtype = try cursor.string()
      case "shape":
        guard shape == nil else { throw cursor.duplicate(key, in: "tensor '\(name)'") }
        shape = try cursor.integers(of: "a dimension of tensor '\(name)'")
      case "data_offsets":
        guard offsets == nil else { throw cursor.duplicate(key, in: "tensor '\(name)'") }
        offsets = try cursor.integers(of: "an offset of tensor '\(name)'")
      default:
        throw Failure(
          .invalidHeader, path, "tensor '\(name)' has a field '\(key)', which safetensors does not have")
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
}

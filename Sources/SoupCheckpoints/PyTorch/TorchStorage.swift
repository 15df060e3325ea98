import SoupTensors

/// A storage as a PyTorch pickle refers to it: `('storage', type, key, location, count)`, and in old files a view.
struct TorchStorage {
  let key: String
  let type: TorchStorageType
  /// Number of elements of the whole storage.
  let count: Int
  /// Elements of it that old files share as a storage of its own.
  let view: Range<Int>?

  /// - Throws: `invalidPickle`, `unknownDType`.
  init(_ value: PickleValue, in graph: PickleGraph, path: String) throws(CheckpointError) {
    guard let node = graph[value], case .persistent = node.kind, let parts = graph.elements(node.arguments),
      parts.count == 5 || parts.count == 6, case .text("storage") = parts[0], let name = graph.name(parts[1]),
      case .text(let key) = parts[2], case .integer(let count) = parts[4], count >= 0
    else {
      throw CheckpointError(.invalidPickle, path, "its pickle refers to a storage in a way that PyTorch does not")
    }
    guard let type = TorchStorageType(name) else {
      throw CheckpointError(.unknownDType, path, "its pickle has a storage of the unknown type '\(name)'")
    }
    self.key = key
    self.type = type
    self.count = count
    guard parts.count == 6, let view = graph.elements(parts[5]) else {
      self.view = nil
      return
    }
    guard view.count == 3, case .integer(let start) = view[1], case .integer(let length) = view[2], start >= 0,
      length >= 0, start <= count, length <= count - start
    else { throw CheckpointError(.invalidPickle, path, "a view of storage '\(key)' lies beyond it") }
    self.view = start..<start + length
  }

  /// Size in bytes of the whole storage; nil when it cannot be counted.
  var byteCount: Int? {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: type.size)
    return overflow ? nil : bytes
  }
}

/// The element type of a storage, by the name of PyTorch's class.
struct TorchStorageType: Hashable {
  let name: String
  /// Size of an element in bytes.
  let size: Int
  /// nil for types whose values are not read, such as complex numbers.
  let dtype: DType?

  init?(_ name: PickleName) {
    guard ["torch", "torch.storage", "torch.cuda"].contains(name.module), let found = Self.known[name.name] else {
      return nil
    }
    self.name = name.name
    (size, dtype) = found
  }

  /// The class that PyTorch writes for a dtype; float8 has none and is written as bytes with a dtype.
  static func name(_ dtype: DType) -> String? {
    known.filter { $0.value.1 == dtype && $0.key != "UntypedStorage" }.keys.first
  }

  private static let known: [String: (Int, DType?)] = [
    "DoubleStorage": (8, .float64), "FloatStorage": (4, .float32), "HalfStorage": (2, .float16),
    "BFloat16Storage": (2, .bfloat16), "LongStorage": (8, .int64), "IntStorage": (4, .int32),
    "ShortStorage": (2, .int16), "CharStorage": (1, .int8), "ByteStorage": (1, .uint8), "BoolStorage": (1, .bool),
    "UntypedStorage": (1, .uint8), "ComplexFloatStorage": (8, nil), "ComplexDoubleStorage": (16, nil),
    "QInt8Storage": (1, nil), "QUInt8Storage": (1, nil), "QInt32Storage": (4, nil), "QUInt4x2Storage": (1, nil),
    "QUInt2x4Storage": (1, nil),
  ]
}

import SoupTensors

/// Tensors to be written: what they are, known at once, and their bytes, a run at a time.
public struct TensorSupply {
  /// Names, dtypes and shapes, in the order in which they are to be stored.
  public let items: [SafetensorsLayout.Item]
  /// String pairs that the file carries.
  public var metadata: [String: String]
  /// Groups of names with one and the same tensor, stored once where the format can.
  public let tiedNames: [[String]]
  private let read: (String, Range<Int>, UnsafeMutableRawBufferPointer) throws -> Void

  /// A state dict in memory. Names with the same part of the same storage are tied.
  public init(_ dict: StateDict) {
    struct Key: Hashable {
      let storage: ObjectIdentifier
      let offset: Int
      let dtype: DType
      let shape: [Int]
    }
    var groups: [Key: [String]] = [:]
    for (name, tensor) in dict where tensor.count > 0 {
      let key = Key(
        storage: ObjectIdentifier(tensor.storage), offset: tensor.byteOffset, dtype: tensor.dtype, shape: tensor.shape)
      groups[key, default: []].append(name)
    }
    items = dict.map { .init(name: $0.name, dtype: $0.tensor.dtype, shape: $0.tensor.shape) }
    metadata = dict.metadata
    tiedNames = groups.values.filter { $0.count > 1 }.sorted { $0[0] < $1[0] }
    read = { name, elements, target in
      guard let tensor = dict[name] else { return }
      let size = tensor.dtype.size
      tensor.withUnsafeBytes { bytes in
        let part = bytes[elements.lowerBound * size..<elements.upperBound * size]
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: part))
      }
    }
  }

  /// A checkpoint, read while it is written: of no tensor more than a run is in memory.
  public init(_ checkpoint: Checkpoint) {
    items = checkpoint.entries.map { .init(name: $0.name, dtype: $0.dtype, shape: $0.shape) }
    metadata = checkpoint.metadata
    tiedNames = checkpoint.tiedNames
    read = { name, elements, target in
      guard let entry = checkpoint.entry(name) else { return }
      try checkpoint.read(entry, elements: elements, into: target)
    }
  }

  private static let runBytes = 8 << 20

  /// Hands out a tensor's bytes from the first to the last; the pointer is valid only inside `body`.
  func forEachRun(
    of item: SafetensorsLayout.Item, buffer: UnsafeMutableRawBufferPointer,
    _ body: (UnsafeRawBufferPointer, _ offset: Int) throws -> Void
  ) throws {
    let size = item.dtype.size
    let total = (HostTensor.byteCount(shape: item.shape, dtype: item.dtype) ?? 0) / size
    let step = max(1, buffer.count / size)
    for lower in stride(from: 0, to: total, by: step) {
      let elements = lower..<min(lower + step, total)
      let run = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(elements.count * size)])
      try read(item.name, elements, run)
      try body(UnsafeRawBufferPointer(run), lower * size)
    }
  }

  /// Memory for `forEachRun`.
  static func withBuffer<R>(_ body: (UnsafeMutableRawBufferPointer) throws -> R) rethrows -> R {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: runBytes, alignment: 4096)
    defer { buffer.deallocate() }
    return try body(buffer)
  }
}

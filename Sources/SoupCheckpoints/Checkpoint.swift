import SoupTensors

/// A safetensors file, mapped: opening reads and checks the header, tensors are views that the system loads on first use.
public final class Checkpoint: Sendable {
  /// The file, as the caller named it.
  public let path: String
  /// The string pairs of the header's `__metadata__`.
  public let metadata: [String: String]
  /// Tensors in the order of their bytes in the file.
  public let entries: [TensorInfo]
  /// Size of the whole file in bytes.
  public let fileSize: Int

  private let file: MappedFile
  private let indices: [String: Int]

  /// Maps the file and checks its header completely; tensor bytes are not touched.
  /// - Throws: `CheckpointError`.
  public init(contentsOf path: String) throws(CheckpointError) {
    file = try MappedFile(path: path)
    let header = try SafetensorsHeader(file: file.storage.bytes, path: path)
    self.path = path
    metadata = header.metadata
    entries = header.entries
    fileSize = file.storage.bytes.count
    var indices: [String: Int] = [:]
    for (index, entry) in header.entries.enumerated() { indices[entry.name] = index }
    self.indices = indices
  }

  /// The entry of that name, or nil.
  public func entry(_ name: String) -> TensorInfo? { indices[name].map { entries[$0] } }

  /// A view of one tensor in the mapping; copies nothing.
  ///
  /// The file must not be shortened while the view is in use: the system answers a read beyond its end with a signal.
  /// - Throws: `CheckpointError.Code.noSuchTensor`.
  public func tensor(_ name: String) throws -> HostTensor {
    guard let entry = entry(name) else {
      throw CheckpointError(
        .noSuchTensor, path, "has no tensor '\(name)'", advice: "'soup inspect --tensors \(path)' lists those it has")
    }
    return try view(entry)
  }

  /// All tensors as views, in file order, with the metadata.
  public func stateDict() throws -> StateDict {
    try StateDict(entries.map { ($0.name, try view($0)) }, metadata: metadata)
  }

  /// Copies stored elements into memory, without going through the mapping.
  /// - Parameters:
  ///   - elements: which of the tensor's elements, counted row-major.
  ///   - target: at least `elements.count * entry.dtype.size` bytes.
  public func read(
    _ entry: TensorInfo, elements: Range<Int>, into target: UnsafeMutableRawBufferPointer
  ) throws(CheckpointError) {
    let size = entry.dtype.size
    precondition(elements.lowerBound >= 0 && elements.upperBound <= entry.count, "elements beyond the tensor")
    try file.read(
      into: UnsafeMutableRawBufferPointer(rebasing: target[..<(elements.count * size)]),
      at: entry.byteRange.lowerBound + elements.lowerBound * size)
  }

  private func view(_ entry: TensorInfo) throws -> HostTensor {
    try HostTensor(
      dtype: entry.dtype, shape: entry.shape, storage: file.storage, byteOffset: entry.byteRange.lowerBound)
  }
}

import SoupTensors

/// A checkpoint of any format, mapped: opening reads and checks headers only, tensors are views that the system loads on
/// first use.
///
/// The format is recognised by content: safetensors, PyTorch (zip archive or older), NumPy (`.npz`, `.npy`); the index of
/// a sharded checkpoint; a Hugging Face folder. Guides/Checkpoints.md has what is read, what is refused, and why.
public final class Checkpoint: Sendable {
  /// The file, index or folder, as the caller named it.
  public let path: String
  /// How it is stored; for shards, how they are.
  public let format: CheckpointFormat
  /// String pairs: the `__metadata__` of safetensors, or the plain values beside a PyTorch file's state dict.
  public let metadata: [String: String]
  /// Tensors in the order in which reading them is fastest: that of their bytes, or of the state dict.
  public let entries: [TensorInfo]
  /// Size of all files in bytes.
  public let fileSize: Int
  /// The files that hold the tensors: one, or the shards.
  public let files: [String]
  /// Groups of names whose tensors are stored once, such as an embedding and the head tied to it.
  public let tiedNames: [[String]]
  /// What was passed over while reading, in words: objects that are not tensors, and the like.
  public let notes: [String]

  private let mappings: [MappedFile]
  private let sources: [TensorSource]
  private let indices: [String: Int]
  private let isSimple: Bool

  /// Maps the files and checks their headers completely; tensor bytes are not touched.
  /// - Parameters:
  ///   - path: a file, a `*.index.json`, or a Hugging Face folder. `model.pt::model_ema` names a part of a PyTorch file,
  ///     as `key` does.
  ///   - key: which part of a PyTorch file holds the state dict: keys separated by dots, `.` for the whole file. By
  ///     default it is found (Guides/Checkpoints.md).
  /// - Throws: `CheckpointError`.
  public convenience init(contentsOf path: String, key: String? = nil) throws(CheckpointError) {
    let location = try CheckpointLocation(path, key: key)
    var files: [MappedFile] = []
    var parts: [CheckpointContents] = []
    for file in location.files {
      let mapping = try MappedFile(path: file)
      files.append(mapping)
      parts.append(try CheckpointContents(mapping.storage, path: file, key: location.key))
    }
    let contents = try location.index?.joined(parts) ?? parts[0]
    try self.init(contents, files: files, path: path)
  }

  /// Reads a whole file that is in memory.
  /// - Parameter name: what to call it in messages.
  public convenience init(_ storage: HostStorage, name: String, key: String? = nil) throws(CheckpointError) {
    let contents = try CheckpointContents(storage, path: name, key: key)
    try self.init(contents, files: [MappedFile(storage, name: name)], path: name)
  }

  private init(_ contents: CheckpointContents, files: [MappedFile], path: String) throws(CheckpointError) {
    self.path = path
    format = contents.format
    metadata = contents.metadata
    notes = contents.notes
    mappings = files
    self.files = files.map(\.path)
    fileSize = files.reduce(0) { $0 + $1.storage.bytes.count }
    sources = contents.tensors.map(\.source)
    isSimple = files.count == 1 && sources.allSatisfy(\.isPlain)

    var indices: [String: Int] = [:]
    var entries: [TensorInfo] = []
    var end = 0
    for (index, tensor) in contents.tensors.enumerated() {
      try TensorName.check(tensor.name, path: path)
      guard let bytes = HostTensor.byteCount(shape: tensor.shape, dtype: tensor.dtype) else {
        throw CheckpointError(
          .sizeMismatch, path,
          "tensor '\(tensor.name)' of shape \(tensor.shape) would have more bytes than can be counted")
      }
      var start = end
      if isSimple, case .stored(let offset) = tensor.source.place { start = offset }
      let (upper, overflow) = start.addingReportingOverflow(bytes)
      guard !overflow else {
        throw CheckpointError(.sizeMismatch, path, "its tensors together have more bytes than can be counted")
      }
      end = upper
      entries.append(
        TensorInfo(name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, byteRange: start..<upper))
      guard indices.updateValue(index, forKey: tensor.name) == nil else {
        throw CheckpointError(.duplicateKey, path, "two tensors are named '\(tensor.name)'")
      }
    }
    self.entries = entries
    self.indices = indices
    tiedNames = Self.tied(contents.tensors)
  }

  /// The entry of that name, or nil.
  public func entry(_ name: String) -> TensorInfo? { indices[name].map { entries[$0] } }

  /// One tensor: a view in the mapping that copies nothing, or a new tensor where the stored bytes are compressed,
  /// strided, big-endian, or not aligned for their dtype.
  ///
  /// The file must not be shortened while the view is in use: the system answers a read beyond its end with a signal.
  /// - Throws: `CheckpointError`, with code `noSuchTensor` for an unknown name.
  public func tensor(_ name: String) throws -> HostTensor {
    guard let index = indices[name] else {
      throw CheckpointError(
        .noSuchTensor, path, "has no tensor '\(name)'", advice: "'soup inspect --tensors \(path)' lists those it has")
    }
    return try tensor(at: index)
  }

  /// All tensors, in the order of `entries`, with the metadata.
  public func stateDict() throws -> StateDict {
    try StateDict(entries.indices.map { (entries[$0].name, try tensor(at: $0)) }, metadata: metadata)
  }

  /// Copies elements into memory. Those that the file holds in a row are read without going through the mapping.
  /// - Parameters:
  ///   - elements: which of the tensor's elements, counted row-major.
  ///   - target: at least `elements.count * entry.dtype.size` bytes.
  public func read(
    _ entry: TensorInfo, elements: Range<Int>, into target: UnsafeMutableRawBufferPointer
  ) throws(CheckpointError) {
    let size = entry.dtype.size
    precondition(elements.lowerBound >= 0 && elements.upperBound <= entry.count, "elements beyond the tensor")
    let target = UnsafeMutableRawBufferPointer(rebasing: target[..<(elements.count * size)])
    if isSimple {
      try mappings[0].read(into: target, at: entry.byteRange.lowerBound + elements.lowerBound * size)
      return
    }
    guard let index = indices[entry.name] else {
      throw CheckpointError(.noSuchTensor, path, "has no tensor '\(entry.name)'")
    }
    let source = sources[index]
    if source.strides == nil, case .stored(let offset) = source.place {
      try mappings[source.file].read(into: target, at: offset + elements.lowerBound * size)
    } else {
      let (storage, offset) = try bytes(of: source)
      withExtendedLifetime(storage) {
        let origin = UnsafeRawBufferPointer(rebasing: storage.bytes[offset...])
        if let strides = source.strides {
          TensorSource.gather(
            from: origin, shape: entry.shape, strides: strides, elementSize: size, elements: elements, into: target)
        } else {
          let start = elements.lowerBound * size
          target.copyMemory(from: UnsafeRawBufferPointer(rebasing: origin[start..<start + target.count]))
        }
      }
    }
    if source.isBigEndian { TensorSource.swap(target, elementSize: size) }
  }

  /// The mapped bytes of a run of elements, or nil where they must be expanded, gathered or turned round.
  /// The pointer is valid as long as the checkpoint, and need not be aligned for the dtype.
  package func mappedBytes(_ entry: TensorInfo, elements: Range<Int>) -> UnsafeRawBufferPointer? {
    guard let (file, offset) = place(of: entry) else { return nil }
    let start = offset + elements.lowerBound * entry.dtype.size
    return UnsafeRawBufferPointer(rebasing: file.storage.bytes[start..<start + elements.count * entry.dtype.size])
  }

  /// Tells the system that a run of elements will be read soon.
  package func prefetch(_ entry: TensorInfo, elements: Range<Int>) {
    guard let (file, offset) = place(of: entry) else { return }
    file.prefetch(offset + elements.lowerBound * entry.dtype.size, byteCount: elements.count * entry.dtype.size)
  }

  /// Where a tensor lies whose bytes are in the file as they are wanted.
  private func place(of entry: TensorInfo) -> (MappedFile, offset: Int)? {
    if isSimple { return (mappings[0], entry.byteRange.lowerBound) }
    guard let index = indices[entry.name], sources[index].isPlain, case .stored(let offset) = sources[index].place
    else { return nil }
    return (mappings[sources[index].file], offset)
  }

  private func tensor(at index: Int) throws -> HostTensor {
    let (entry, source) = (entries[index], sources[index])
    if source.strides == nil, !source.isBigEndian {
      let (storage, offset) = try bytes(of: source)
      let address = UInt(bitPattern: storage.bytes.baseAddress) + UInt(offset)
      if address % UInt(entry.dtype.size) == 0 {
        return try HostTensor(dtype: entry.dtype, shape: entry.shape, storage: storage, byteOffset: offset)
      }
    }
    return try HostTensor(dtype: entry.dtype, shape: entry.shape) {
      try read(entry, elements: 0..<entry.count, into: $0)
    }
  }

  private func bytes(of source: TensorSource) throws(CheckpointError) -> (HostStorage, Int) {
    switch source.place {
    case .stored(let offset): (mappings[source.file].storage, offset)
    case .deflated(let deflated, let offset): (try deflated.inflated(), offset)
    }
  }

  private static func tied(_ tensors: [CheckpointContents.Tensor]) -> [[String]] {
    struct Key: Hashable {
      let file: Int
      let offset: Int
      let dtype: DType
      let shape: [Int]
      let strides: [Int]?
    }
    var groups: [Key: [String]] = [:]
    var order: [Key] = []
    for tensor in tensors where !tensor.shape.contains(0) {
      guard case .stored(let offset) = tensor.source.place else { continue }
      let key = Key(
        file: tensor.source.file, offset: offset, dtype: tensor.dtype, shape: tensor.shape,
        strides: tensor.source.strides)
      if groups[key] == nil { order.append(key) }
      groups[key, default: []].append(tensor.name)
    }
    return order.compactMap { groups[$0] }.filter { $0.count > 1 }
  }
}

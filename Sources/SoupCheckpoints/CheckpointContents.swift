import SoupTensors

/// What the reader of a format found in one file.
struct CheckpointContents {
  struct Tensor {
    let name: String
    let dtype: DType
    let shape: [Int]
    var source: TensorSource
  }

  var format: CheckpointFormat
  var metadata: [String: String] = [:]
  var tensors: [Tensor] = []
  /// What was passed over, in words.
  var notes: [String] = []

  /// Reads whatever format the bytes are in.
  /// - Parameter key: which part of a PyTorch file; nil to find the state dict by the rule of `StateDictFinder`.
  init(_ storage: HostStorage, path: String, key: String?) throws(CheckpointError) {
    var archive: ZipArchive?
    var failure: CheckpointError?
    let found = CheckpointFormat(
      firstBytes: storage.bytes,
      archive: {
        do throws(CheckpointError) { archive = try ZipArchive(storage, path: path) } catch { failure = error }
        return archive
      })
    if let failure { throw failure }
    switch found {
    case .safetensors: self = try Self.safetensors(storage.bytes, path: path)
    case .pytorch, .npz:
      guard let archive else { throw CheckpointError(.invalidArchive, path, "is not a zip archive") }
      self =
        found == .npz
        ? try NumpyReader.archive(archive) : try PyTorchArchive(archive).contents(key: key)
    case .legacyPyTorch: self = try LegacyPyTorchFile(storage.bytes, path: path).contents(key: key)
    case .npy: self = try NumpyReader.array(storage.bytes, path: path)
    }
    if key != nil, found != .pytorch, found != .legacyPyTorch {
      throw CheckpointError(
        .noSuchKey, path, "is a \(found.rawValue) file, which has no parts to name", advice: "leave out '::…'")
    }
  }

  init(format: CheckpointFormat) { self.format = format }

  private static func safetensors(_ bytes: UnsafeRawBufferPointer, path: String) throws(CheckpointError) -> Self {
    let header = try SafetensorsHeader(file: bytes, path: path)
    var contents = CheckpointContents(format: .safetensors)
    contents.metadata = header.metadata
    contents.tensors = header.entries.map {
      Tensor(
        name: $0.name, dtype: $0.dtype, shape: $0.shape,
        source: TensorSource(.stored(offset: $0.byteRange.lowerBound)))
    }
    // `{"lm_head.weight": "embed.weight"}`: how safetensors' `save_model`, and ours, note a tensor with two names.
    let owners = Dictionary(contents.tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for (name, owner) in header.metadata.sorted(by: { $0.key < $1.key }) where name != "format" {
      guard owners[name] == nil, let twin = owners[owner] else { continue }
      contents.tensors.append(Tensor(name: name, dtype: twin.dtype, shape: twin.shape, source: twin.source))
    }
    return contents
  }
}

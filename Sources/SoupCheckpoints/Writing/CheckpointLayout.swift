import SoupTensors

/// Where every tensor goes in a checkpoint that is to be written, of any format and number of files: known before any
/// value is.
public struct CheckpointLayout: Sendable {
  /// Where a tensor's bytes go.
  public struct Place: Sendable, Hashable {
    /// Index among `files`.
    public let file: Int
    /// Index among the runs of bytes that the file holds, for checksums.
    let storage: Int
    /// Position of the first byte in the file.
    public let offset: Int
    public let byteCount: Int
    /// False for a tensor whose bytes are those of another, which is stored for both.
    public let isStored: Bool
  }

  public struct File: Sendable {
    /// Its name in a folder; empty for an output that is one file.
    public let name: String
    public let size: Int
    let form: Form
  }

  enum Form: Sendable {
    case safetensors(SafetensorsLayout)
    case pytorch(PyTorchLayout)
  }

  public let files: [File]
  /// The index of several files.
  public let index: (name: String, text: String)?
  /// Whether the checksum of every tensor's bytes must be known in the end.
  public var needsChecksums: Bool { format == .pytorch }
  /// Bytes of all files, headers and index included.
  public let totalSize: Int
  let format: CheckpointWriter.Format
  private let places: [String: Place]

  /// - Parameters:
  ///   - items: in the order in which they are to be stored, as far as the format allows.
  ///   - metadata: string pairs that every file carries.
  ///   - tiedNames: groups of names with one and the same tensor, which is stored once. safetensors has no such thing: the
  ///     first name has the tensor, and the metadata say whose it is for the others, as safetensors' own `save_model` does.
  /// - Throws: `TensorError` for sizes that cannot be counted, and names that occur twice.
  public init(
    _ items: [SafetensorsLayout.Item], metadata: [String: String] = [:], tiedNames: [[String]] = [],
    for destination: CheckpointDestination
  ) throws(TensorError) {
    format = destination.format
    var metadata = metadata
    var items = items
    var owners: [String: String] = [:]
    if destination.format == .safetensors {
      let known = Set(items.map(\.name))
      for group in tiedNames.map({ $0.filter(known.contains) }) {
        for name in group.dropFirst() { owners[name] = group[0] }
      }
      items.removeAll { owners[$0.name] != nil }
    }
    var shards: [(name: String, items: [SafetensorsLayout.Item])] = [("", items)]
    var index: (name: String, text: String)?
    if destination.isFolder {
      let plan = try ShardPlan(
        items, shardSize: destination.shardSize, format: destination.format, tiedNames: tiedNames)
      shards = plan.shards.map { ($0.file, $0.items) }
      index = plan.indexFile.map { ($0, plan.index) }
      // transformers refuses a safetensors file that does not say which framework it is for.
      if destination.format == .safetensors { metadata["format"] = metadata["format"] ?? "pt" }
    }
    var files: [File] = []
    var places: [String: Place] = [:]
    var total = index?.text.utf8.count ?? 0
    for (number, shard) in shards.enumerated() {
      switch destination.format {
      case .safetensors:
        let names = Set(shard.items.map(\.name))
        let twins = owners.filter { names.contains($0.value) }
        let layout = try SafetensorsLayout(shard.items, metadata: metadata.merging(twins) { $1 })
        files.append(File(name: shard.name, size: layout.fileSize, form: .safetensors(layout)))
        for (storage, entry) in layout.entries.enumerated() {
          places[entry.name] = Place(
            file: number, storage: storage, offset: entry.byteRange.lowerBound, byteCount: entry.byteRange.count,
            isStored: true)
        }
        for (name, owner) in twins {
          places[name] = places[owner].map {
            Place(file: $0.file, storage: $0.storage, offset: $0.offset, byteCount: $0.byteCount, isStored: false)
          }
        }
      case .pytorch:
        let names = Set(shard.items.map(\.name))
        let tied = tiedNames.map { $0.filter(names.contains) }.filter { $0.count > 1 }
        let layout = try PyTorchLayout(shard.items, metadata: metadata, tiedNames: tied)
        files.append(File(name: shard.name, size: layout.fileSize, form: .pytorch(layout)))
        var storages: [String: Int] = [:]
        for (storage, entry) in layout.storages.enumerated() { storages[entry.name] = storage }
        for entry in layout.entries {
          places[entry.name] = Place(
            file: number, storage: storages[entry.name] ?? 0, offset: entry.byteRange.lowerBound,
            byteCount: entry.byteRange.count, isStored: storages[entry.name] != nil)
        }
      }
      let (sum, overflow) = total.addingReportingOverflow(files[number].size)
      guard !overflow else {
        throw .storageTooSmall(shape: [files[number].size], dtype: .uint8, byteOffset: total, available: 0)
      }
      total = sum
    }
    self.files = files
    self.index = index
    self.places = places
    totalSize = total
  }

  /// Where the tensor of that name goes; nil if there is none.
  public func place(_ name: String) -> Place? { places[name] }

  /// Number of runs of bytes that a file holds.
  func storageCount(_ file: Int) -> Int {
    switch files[file].form {
    case .safetensors(let layout): layout.entries.count
    case .pytorch(let layout): layout.storages.count
    }
  }
}

import SoupTensors

/// Which tensor goes into which file of a sharded checkpoint, named as Hugging Face names them.
///
/// Tensors fill one shard after another in their order; a tensor larger than the limit has a shard of its own. What
/// fits in one file is one file, without an index.
/// - Source: `huggingface_hub.split_state_dict_into_shards_factory`.
public struct ShardPlan: Sendable {
  public struct Shard: Sendable {
    /// Name of the file, without a folder.
    public let file: String
    public let items: [SafetensorsLayout.Item]
  }

  public let shards: [Shard]
  /// Name of the index, or nil for a single file.
  public let indexFile: String?
  /// Bytes of all tensors.
  public let totalSize: Int

  /// - Parameters:
  ///   - shardSize: largest number of tensor bytes in a file; 5 GB if nil, as at Hugging Face.
  ///   - tiedNames: groups that must not be divided, because they share a storage.
  /// - Throws: `TensorError.storageTooSmall` if a shape's size cannot be counted.
  public init(
    _ items: [SafetensorsLayout.Item], shardSize: Int? = nil, format: CheckpointWriter.Format = .safetensors,
    tiedNames: [[String]] = []
  ) throws(TensorError) {
    let limit = max(1, shardSize ?? 5_000_000_000)
    var group: [String: Int] = [:]
    for (index, names) in tiedNames.enumerated() { for name in names { group[name] = index } }
    var parts: [[SafetensorsLayout.Item]] = []
    var shardOfGroup: [Int: Int] = [:]
    var room = 0
    var total = 0
    for item in items {
      guard let bytes = HostTensor.byteCount(shape: item.shape, dtype: item.dtype) else {
        throw .storageTooSmall(shape: item.shape, dtype: item.dtype, byteOffset: 0, available: 0)
      }
      let (sum, overflow) = total.addingReportingOverflow(bytes)
      guard !overflow else {
        throw .storageTooSmall(shape: item.shape, dtype: item.dtype, byteOffset: total, available: 0)
      }
      total = sum
      // A tied tensor costs a PyTorch file nothing where its twin is; safetensors stores each.
      if format == .pytorch, let group = group[item.name], let shard = shardOfGroup[group] {
        parts[shard].append(item)
        continue
      }
      if parts.isEmpty || (bytes > room && !(parts[parts.count - 1].isEmpty)) {
        parts.append([])
        room = limit
      }
      parts[parts.count - 1].append(item)
      room -= bytes
      if let group = group[item.name] { shardOfGroup[group] = parts.count - 1 }
    }
    if parts.isEmpty { parts = [[]] }
    let (stem, ending) = format == .safetensors ? ("model", "safetensors") : ("pytorch_model", "bin")
    let count = parts.count
    func five(_ number: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
    shards = parts.enumerated().map { index, items in
      let file = count == 1 ? "\(stem).\(ending)" : "\(stem)-\(five(index + 1))-of-\(five(count)).\(ending)"
      return Shard(file: file, items: items)
    }
    indexFile = count == 1 ? nil : "\(stem).\(ending).index.json"
    totalSize = total
  }

  /// The index: total size, and the file of each tensor, sorted by name.
  public var index: String {
    let pairs = shards.flatMap { shard in shard.items.map { ($0.name, shard.file) } }.sorted { $0.0 < $1.0 }
      .map { "    \(SafetensorsLayout.quoted($0.0)): \(SafetensorsLayout.quoted($0.1))" }
    return """
      {
        "metadata": {
          "total_size": \(totalSize)
        },
        "weight_map": {
      \(pairs.joined(separator: ",\n"))
        }
      }

      """
  }
}

import SoupTensors

/// The index of a checkpoint in several files: `model.safetensors.index.json`, `pytorch_model.bin.index.json`.
///
/// - Source: Hugging Face `huggingface_hub`, "Sharded checkpoints".
package struct ShardIndex {
  /// Which file has each tensor, in the order of the index.
  let weightMap: [(name: String, file: String)]
  let metadata: [String: String]
  /// The files, each once, sorted by name.
  let files: [String]
  let path: String

  /// An index of a 70B model has some 60 kB.
  static let maximumSize = 64 << 20

  package init(_ bytes: UnsafeRawBufferPointer, path: String) throws(CheckpointError) {
    self.path = path
    guard bytes.count <= Self.maximumSize else {
      throw CheckpointError(
        .headerTooLarge, path, "is an index of \(bytes.count) bytes; at most \(Self.maximumSize) are read")
    }
    var cursor = try JSONCursor(
      bytes, path: path, subject: "the index", advice: "it is damaged or not the index of a sharded checkpoint")
    var map: [(String, String)]?
    var metadata: [String: String]?
    try cursor.members { (cursor, key) throws(CheckpointError) in
      switch key {
      case "weight_map":
        guard map == nil else { throw cursor.duplicate(key, in: "the index") }
        map = try Self.weightMap(&cursor)
      case "metadata":
        guard metadata == nil else { throw cursor.duplicate(key, in: "the index") }
        metadata = try Self.metadata(&cursor)
      default: _ = try cursor.scalar()
      }
    }
    try cursor.finish()
    guard let map, !map.isEmpty else {
      throw CheckpointError(
        .invalidIndex, path, "is JSON without a 'weight_map'", advice: "name the index of a sharded checkpoint")
    }
    weightMap = map.map { (name: $0.0, file: $0.1) }
    self.metadata = metadata ?? [:]
    files = Set(map.map(\.1)).sorted()
    for file in files { try Self.checkFile(file, path: path) }
  }

  /// The contents of all shards as those of one checkpoint, after checking that each shard has exactly the tensors that
  /// the index expects of it.
  /// - Parameter parts: contents of `files`, in that order.
  func joined(_ parts: [CheckpointContents]) throws(CheckpointError) -> CheckpointContents {
    var expected: [String: String] = [:]
    for (name, file) in weightMap { expected[name] = file }
    var result = CheckpointContents(format: parts.first?.format ?? .safetensors)
    var problems: [String] = []
    var found: Set<String> = []
    for (index, (file, part)) in zip(files, parts).enumerated() {
      // What shards agree on, `format` above all, belongs to the whole.
      result.metadata =
        index == 0 ? part.metadata : result.metadata.filter { part.metadata[$0.key] == $0.value }
      result.notes += part.notes
      for var tensor in part.tensors {
        if expected[tensor.name] == file {
          found.insert(tensor.name)
        } else if let other = expected[tensor.name] {
          problems.append("'\(tensor.name)' is in \(file), but the index puts it into \(other)")
        } else if part.metadata[tensor.name] == nil {
          // Second names of tensors, which the metadata has, are not listed.
          problems.append("'\(tensor.name)' in \(file) is not in the index")
        }
        tensor.source.file = index
        result.tensors.append(tensor)
      }
    }
    problems += weightMap.filter { !found.contains($0.name) }.map { "'\($0.name)' is not in \($0.file)" }
    guard problems.isEmpty else {
      let shown = problems.prefix(20).joined(separator: "; ") + (problems.count > 20 ? "; …" : "")
      throw CheckpointError(
        .invalidIndex, path, "does not agree with its shards (\(problems.count) differences): \(shown)",
        advice: "download index and shards again, together")
    }
    result.metadata.merge(metadata.filter { $0.key != "total_size" && $0.key != "total_parameters" }) { own, _ in own }
    return result
  }

  private static func weightMap(_ cursor: inout JSONCursor) throws(CheckpointError) -> [(String, String)] {
    var map: [(String, String)] = []
    var names: Set<String> = []
    try cursor.members { (cursor, name) throws(CheckpointError) in
      guard names.insert(name).inserted else { throw cursor.duplicate(name, in: "the weight map") }
      map.append((name, try cursor.string()))
    }
    return map
  }

  private static func metadata(_ cursor: inout JSONCursor) throws(CheckpointError) -> [String: String] {
    var metadata: [String: String] = [:]
    var names: Set<String> = []
    try cursor.members { (cursor, key) throws(CheckpointError) in
      guard names.insert(key).inserted else { throw cursor.duplicate(key, in: "the index's metadata") }
      if let text = try cursor.scalar() { metadata[key] = text }
    }
    return metadata
  }

  /// Shards lie beside their index: a path to anywhere else could read any file of the machine.
  private static func checkFile(_ file: String, path: String) throws(CheckpointError) {
    let isUnsafe =
      file.isEmpty || file == "." || file == ".."
      || file.unicodeScalars.contains { "/\\".unicodeScalars.contains($0) || $0.properties.generalCategory == .control }
    guard !isUnsafe else {
      throw CheckpointError(
        .unsafePath, path, "names a shard \(file.debugDescription), which is not a file beside the index",
        advice: "a shard's name has no '/'")
    }
  }
}

import SoupTensors

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Writes a checkpoint into a folder as Hugging Face lays it out: one file, or shards and their index.
public enum ShardedWriter {
  /// Writes all shards, then gives them their names, the index last: a crash before that leaves the folder as it was.
  /// - Parameters:
  ///   - folder: created if it does not exist.
  ///   - shardSize: largest number of tensor bytes in a file; 5 GB if nil.
  ///   - replacing: whether existing files may be replaced. Other files in the folder stay.
  /// - Returns: the paths written, the index last if there is one.
  /// - Throws: `CheckpointError`, `TensorError`.
  @discardableResult
  public static func write(
    _ supply: TensorSupply, toFolder folder: String, shardSize: Int? = nil,
    format: CheckpointWriter.Format = .safetensors, replacing: Bool = true
  ) throws -> [String] {
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw CheckpointError(.cannotWrite, folder, "cannot be created as a folder: \(systemError())")
    }
    let prefix = folder.hasSuffix("/") ? folder : folder + "/"
    let plan = try ShardPlan(
      supply.items, shardSize: shardSize, format: format, tiedNames: supply.tiedNames)
    var metadata = supply.metadata
    // transformers refuses a safetensors file that does not say which framework it is for.
    metadata["format"] = metadata["format"] ?? "pt"
    var files: [AtomicFile] = []
    for shard in plan.shards {
      files.append(
        try CheckpointWriter.prepare(
          TensorSupply(supply, items: shard.items, metadata: metadata), to: prefix + shard.file, format: format,
          replacing: replacing))
    }
    if let name = plan.indexFile {
      let index = Array(plan.index.utf8)
      let file = try AtomicFile(path: prefix + name, size: index.count, replacing: replacing)
      try index.withUnsafeBytes { try file.write($0, at: 0) }
      files.append(file)
    }
    for file in files { try file.commit() }
    return files.map(\.path)
  }
}

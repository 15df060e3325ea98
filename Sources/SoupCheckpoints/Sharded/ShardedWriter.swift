import SoupTensors

/// Writes a checkpoint into a folder as Hugging Face lays it out: one file, or shards and their index.
public enum ShardedWriter {
  /// Writes everything beside the folder, which then appears, or takes the place of the old one, in one step
  /// (`AtomicFolder`). Files of the old folder that are not weights stay.
  /// - Parameters:
  ///   - folder: its parent must exist.
  ///   - shardSize: largest number of tensor bytes in a file; 5 GB if nil.
  ///   - replacing: whether a folder with files in it may be replaced.
  /// - Returns: the paths written, the index last if there is one.
  /// - Throws: `CheckpointError`, `TensorError`.
  @discardableResult
  public static func write(
    _ supply: TensorSupply, toFolder folder: String, shardSize: Int? = nil,
    format: CheckpointWriter.Format = .safetensors, replacing: Bool = true
  ) throws -> [String] {
    try CheckpointWriter.write(
      supply, to: CheckpointDestination(folder: folder, format: format, shardSize: shardSize), replacing: replacing)
  }
}

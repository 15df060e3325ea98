import SoupTensors

/// Writes state dicts as safetensors files, atomically.
public enum CheckpointWriter {
  /// Writes `dict` with its metadata to `path`; the file appears only when complete and flushed to the disk.
  /// - Parameter replacing: whether an existing file may be replaced.
  /// - Throws: `CheckpointError` or `TensorError`; nothing is left behind then.
  public static func write(_ dict: StateDict, to path: String, replacing: Bool = true) throws {
    let layout = try SafetensorsLayout(
      dict.map { SafetensorsLayout.Item(name: $0.name, dtype: $0.tensor.dtype, shape: $0.tensor.shape) },
      metadata: dict.metadata)
    let file = try AtomicFile(path: path, size: layout.fileSize, replacing: replacing)
    try layout.header.withUnsafeBytes { try file.write($0, at: 0) }
    for entry in layout.entries {
      guard let tensor = dict[entry.name] else { continue }
      try tensor.withUnsafeBytes { try file.write($0, at: entry.byteRange.lowerBound) }
    }
    try file.commit()
  }
}

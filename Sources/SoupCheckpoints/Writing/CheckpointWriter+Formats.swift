import SoupTensors

extension CheckpointWriter {
  /// The formats that are written.
  public enum Format: String, Codable, Sendable, CaseIterable {
    case safetensors
    /// A `.pt` that `torch.load(weights_only=True)` reads.
    case pytorch
  }

  /// Writes tensors to `path`; the file appears only when complete and flushed to the disk.
  ///
  /// Memory stays at a few megabytes whatever the size.
  /// - Parameter replacing: whether an existing file may be replaced.
  /// - Throws: `CheckpointError`, `TensorError`; nothing is left behind then.
  public static func write(
    _ supply: TensorSupply, to path: String, format: Format, replacing: Bool = true
  ) throws {
    try write(supply, to: CheckpointDestination(file: path, format: format), replacing: replacing)
  }

  /// Writes a state dict as a `.pt` that `torch.load(weights_only=True)` reads.
  public static func writePyTorch(_ dict: StateDict, to path: String, replacing: Bool = true) throws {
    try write(TensorSupply(dict), to: path, format: .pytorch, replacing: replacing)
  }

  /// Writes tensors to a file or a folder, which appears only when complete and flushed to the disk.
  /// - Returns: paths of the files with tensors, and of the index if there is one.
  @discardableResult
  public static func write(
    _ supply: TensorSupply, to destination: CheckpointDestination, replacing: Bool = true
  ) throws -> [String] {
    let layout = try CheckpointLayout(
      supply.items, metadata: supply.metadata, tiedNames: supply.tiedNames, for: destination)
    let output = try CheckpointOutput(layout, to: destination, replacing: replacing)
    try TensorSupply.withBuffer { buffer in
      for item in supply.items {
        guard let place = layout.place(item.name), place.isStored else { continue }
        try supply.forEachRun(of: item, buffer: buffer) { bytes, offset in
          if layout.needsChecksums {
            output.note(CheckpointOutput.checksum(bytes), of: offset..<offset + bytes.count, of: place)
          }
          try output.write(bytes, of: place, from: offset)
        }
      }
    }
    return try output.commit()
  }
}

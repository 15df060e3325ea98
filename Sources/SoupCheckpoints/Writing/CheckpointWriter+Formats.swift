import CZlib
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
    try prepare(supply, to: path, format: format, replacing: replacing).commit()
  }

  /// Writes a state dict as a `.pt` that `torch.load(weights_only=True)` reads.
  public static func writePyTorch(_ dict: StateDict, to path: String, replacing: Bool = true) throws {
    try write(TensorSupply(dict), to: path, format: .pytorch, replacing: replacing)
  }

  /// Writes everything, but does not give the file its name yet.
  static func prepare(
    _ supply: TensorSupply, to path: String, format: Format, replacing: Bool
  ) throws -> AtomicFile {
    switch format {
    case .safetensors:
      let layout = try SafetensorsLayout(supply.items, metadata: supply.metadata)
      let file = try AtomicFile(path: path, size: layout.fileSize, replacing: replacing)
      try layout.header.withUnsafeBytes { try file.write($0, at: 0) }
      try TensorSupply.withBuffer { buffer in
        for entry in layout.entries {
          try supply.forEachRun(of: entry, buffer: buffer) { bytes, offset in
            try file.write(bytes, at: entry.byteRange.lowerBound + offset)
          }
        }
      }
      return file
    case .pytorch:
      let layout = try PyTorchLayout(supply.items, metadata: supply.metadata, tiedNames: supply.tiedNames)
      let file = try AtomicFile(path: path, size: layout.fileSize, replacing: replacing)
      var checksums: [UInt32] = []
      try TensorSupply.withBuffer { buffer in
        for entry in layout.storages {
          var checksum: UInt32 = 0
          try supply.forEachRun(of: entry, buffer: buffer) { bytes, offset in
            checksum = czlib_crc32(checksum, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
            try file.write(bytes, at: entry.byteRange.lowerBound + offset)
          }
          checksums.append(checksum)
        }
      }
      for part in layout.frame(checksums: checksums) {
        try part.bytes.withUnsafeBytes { try file.write($0, at: part.offset) }
      }
      return file
    }
  }
}

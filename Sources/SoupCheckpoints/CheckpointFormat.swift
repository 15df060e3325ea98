/// How a checkpoint is stored.
public enum CheckpointFormat: String, Codable, Sendable, Hashable, CaseIterable {
  case safetensors
  /// A zip archive that `torch.save` wrote (PyTorch 1.6 and later).
  case pytorch
  /// The pickle with storages behind it that `torch.save` wrote before PyTorch 1.6.
  case legacyPyTorch = "pytorch-legacy"
  /// A zip archive of NumPy arrays.
  case npz
  /// One NumPy array.
  case npy

  /// Recognises a file by its first bytes; its name says nothing. Whatever is none of the others is taken for
  /// safetensors, whose reader says what is wrong with it.
  init(firstBytes bytes: UnsafeRawBufferPointer, archive: () -> ZipArchive?) {
    self = .safetensors
    if bytes.starts(with: [0x50, 0x4B, 3, 4]) || bytes.starts(with: [0x50, 0x4B, 5, 6]) {
      self = archive()?.entries.contains { $0.name.hasSuffix(".npy") } == true ? .npz : .pytorch
    } else if bytes.starts(with: NpyHeader.magic) {
      self = .npy
    } else if bytes.count >= 2, bytes[0] == 0x80, (1...5).contains(bytes[1]), !Self.couldBeSafetensors(bytes) {
      self = .legacyPyTorch
    }
  }

  private static func couldBeSafetensors(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= 9 else { return false }
    let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    return length <= UInt64(bytes.count) - 8 && bytes[8] == UInt8(ascii: "{")
  }
}

import SoupTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Where a checkpoint is written, and in what form.
///
/// By its name: `*.safetensors` is a safetensors file, `*.pt`, `*.pth`, `*.bin` and `*.ckpt` a PyTorch file; any other name
/// is a folder as Hugging Face lays it out, unless there is a file of that name.
public struct CheckpointDestination: Sendable, Hashable {
  public let path: String
  public let format: CheckpointWriter.Format
  /// Whether `path` is a folder, with one file or several in it.
  public let isFolder: Bool
  /// Largest number of tensor bytes in one file of a folder; nil for 5 GB, as at Hugging Face.
  public let shardSize: Int?

  /// - Parameters:
  ///   - format: nil for the one that the name says; safetensors in a folder.
  /// - Throws: `CheckpointError.Code.cannotWrite` if a file is to be divided.
  public init(
    _ path: String, format: CheckpointWriter.Format? = nil, shardSize: Int? = nil
  ) throws(CheckpointError) {
    self.path = path
    var information = stat()
    let exists = stat(path, &information) == 0
    let named = Self.format(path)
    if exists, information.st_mode & S_IFMT == S_IFDIR {
      isFolder = true
    } else {
      isFolder = path.hasSuffix("/") || (named == nil && !exists)
    }
    self.format = format ?? (isFolder ? nil : named) ?? .safetensors
    self.shardSize = shardSize
    guard isFolder || shardSize == nil else {
      throw CheckpointError(
        .cannotWrite, path, "is one file, which cannot be divided into shards", advice: "name a folder")
    }
  }

  /// One file, whatever its name.
  public init(file path: String, format: CheckpointWriter.Format) {
    (self.path, self.format, isFolder, shardSize) = (path, format, false, nil)
  }

  /// A folder.
  public init(folder path: String, format: CheckpointWriter.Format = .safetensors, shardSize: Int? = nil) {
    (self.path, self.format, isFolder, self.shardSize) = (path, format, true, shardSize)
  }

  /// What a file name says.
  private static func format(_ path: String) -> CheckpointWriter.Format? {
    let name = path.lowercased()
    if name.hasSuffix(".safetensors") { return .safetensors }
    return [".pt", ".pth", ".bin", ".ckpt"].contains { name.hasSuffix($0) } ? .pytorch : nil
  }
}

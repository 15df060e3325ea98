#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A folder with checkpoints in it: one model as Hugging Face lays it out, or several files.
public struct ModelFolder: Sendable {
  public let path: String
  /// Names of everything in it that is not hidden, sorted.
  private let names: [String]

  /// Names of the one checkpoint of a model folder, the first that exists counts.
  private static let standardNames = [
    "model.safetensors", "model.safetensors.index.json", "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.safetensors.index.json", "adapter_model.safetensors", "pytorch_model.bin",
    "pytorch_model.bin.index.json",
  ]
  /// PyTorch files that a trainer puts beside the weights.
  private static let notWeights = [
    "training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.bin", "scheduler.pt",
  ]

  /// - Throws: `CheckpointError.Code.cannotRead`.
  public init(_ path: String) throws(CheckpointError) {
    self.path = path
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path).filter { !$0.hasPrefix(".") }.sorted()
    } catch {
      throw CheckpointError(.cannotRead, path, "the folder cannot be read: \(systemError())")
    }
  }

  /// Whether the folder is one model: it has an index, or a configuration beside a checkpoint of a standard name.
  public var isModel: Bool {
    standard.contains { $0.hasSuffix(".index.json") } || (names.contains("config.json") && !standard.isEmpty)
  }

  /// The folder's single checkpoint: its standard file or index, or the only checkpoint file in it.
  /// - Throws: `CheckpointError.Code.noCheckpoint` if there is none, or several to choose from.
  public func checkpoint() throws(CheckpointError) -> String {
    if let name = standard.first { return file(name) }
    let found = checkpoints
    guard found.count == 1 else {
      let what =
        found.isEmpty
        ? "is a folder without a checkpoint"
        : "is a folder with \(found.count) checkpoints: \(found.prefix(10).joined(separator: ", "))"
      throw CheckpointError(.noCheckpoint, path, what, advice: "name the file")
    }
    return found[0]
  }

  /// Paths of the checkpoint files in it, sorted: `*.safetensors` if there are any, else PyTorch and NumPy files.
  public var checkpoints: [String] {
    let safetensors = names.filter { $0.hasSuffix(".safetensors") }
    if !safetensors.isEmpty { return safetensors.map(file) }
    return names.filter { name in
      [".pt", ".pth", ".ckpt", ".bin", ".npz"].contains { name.hasSuffix($0) } && !Self.notWeights.contains(name)
        && !name.hasPrefix("rng_state")
    }
    .map(file)
  }

  private var standard: [String] { Self.standardNames.filter { names.contains($0) } }

  private func file(_ name: String) -> String { path.hasSuffix("/") ? path + name : path + "/" + name }
}

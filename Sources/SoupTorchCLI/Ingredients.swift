import Foundation
import SoupCLI
import SoupCheckpoints
import SoupEvaluation
import SoupModels
import SoupTensors
import SoupTorch
import SoupTraining

/// Checkpoints of one architecture, and what they say about themselves.
struct Ingredients {
  let paths: [String]
  /// Short names for tables: what tells the paths apart.
  let names: [String]
  let metadata: [[String: String]]
  private let model: NamedModel

  /// Opens all checkpoints.
  /// - Parameters:
  ///   - inputs: files, and folders whose `.safetensors` files are meant.
  ///   - model: the architecture of checkpoints that do not record it.
  /// - Throws: `EvaluationError` if architectures differ or one is unknown, naming every such file.
  init(_ inputs: [String], model named: NamedModel?) throws {
    paths = try CheckpointPaths.expand(inputs)
    names = Self.shortNames(paths)
    let checkpoints = try paths.map { try Checkpoint(contentsOf: $0) }
    metadata = checkpoints.map(\.metadata)
    if case .script = named, let named {
      model = named
      return
    }
    var configuration: ModelConfiguration?
    if case .architecture(let known) = named { configuration = known }
    let models = try checkpoints.map { try ModelConfiguration(of: $0, named: configuration) }
    guard let first = models.first else { throw EvaluationError(.noData, "no checkpoints were given") }
    let others = zip(paths, models).filter { $0.1 != first }
    guard others.isEmpty else {
      throw EvaluationError(
        .unknownModel,
        "the checkpoints are of different architectures:\n  \(paths[0]): \(first)\n"
          + others.map { "  \($0.0): \($0.1)" }.joined(separator: "\n"))
    }
    model = .architecture(first)
  }

  /// A model of the architecture, or the module of the user's, to load weights into.
  func makeModel(on device: Device) throws -> any Network {
    switch model {
    case .architecture(let configuration):
      try SoupModels.makeModel(configuration, generator: RandomGenerator(seed: 0), device: device)
    case .script(let path): try ScriptNetwork(contentsOf: path, device: device)
    }
  }

  /// The settings of training that are not the same for all, by ingredient; empty for checkpoints without provenance.
  func distinguishingSettings() throws -> (keys: [String], values: [[String: String]]) {
    let values = try metadata.map { try Provenance(metadata: $0)?.configuration.settings() ?? [:] }
    let keys = Set(values.flatMap(\.keys)).filter { key in Set(values.map { $0[key] }).count > 1 }
    return (keys.sorted(), values)
  }

  static func shortNames(_ paths: [String]) -> [String] { CheckpointPaths.shortNames(paths) }
}

/// What `--model` names.
enum NamedModel {
  case architecture(ModelConfiguration)
  /// A TorchScript file.
  case script(String)

  /// A name of ours, or a path.
  init(parsing text: String) throws {
    let isFile = text.contains("/") || [".pt", ".pth", ".ts", ".torchscript"].contains { text.hasSuffix($0) }
    self = isFile ? .script(text) : .architecture(try ModelConfiguration(parsing: text))
  }
}

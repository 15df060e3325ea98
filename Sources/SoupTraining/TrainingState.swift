import Foundation
import SoupCheckpoints
import SoupTensors

/// Everything that a run needs to go on as if it had never stopped, as one safetensors file.
///
/// Tensors are named by part: `model.…`, `optimizer.…`, `average.…`, `best.…`, `swa.…`, `lawa.0.…` (the oldest), `head.…`,
/// `head_optimizer.…`, `objective.…`, and `generator` for the state of LibTorch's random numbers. The order of images, augmentation and mixup need no state: they are functions of seed, epoch and step.
struct TrainingState {
  /// Where the run stands, in the file's metadata as JSON.
  struct Position: Codable {
    var step = 0
    /// Seconds spent in steps.
    var seconds = 0.0
    var logBytes: UInt64 = 0
    var tensorBoardBytes: UInt64 = 0
    /// Loss summed over the steps since the last line of the log.
    var lossSum = 0.0
    var lossCount = 0
    /// The mean loss of the last line of the log.
    var lastLoss: Double?
    /// The last held-out result, of the weights that would be kept.
    var heldOut: HeldOutResult?
    /// The best held-out result so far, and the step it belongs to, where the best is kept.
    var best: HeldOutResult?
    var bestStep: Int?
    /// Moments in the average of SWA.
    var swaCount: Int?
    /// Models in the window of LAWA.
    var lawaCount: Int?
    /// Epochs done, in a state that is kept for branches.
    var epoch: Double?
  }

  var position: Position
  var configuration: TrainingConfiguration
  /// LibTorch threads of the run; another number may round differently.
  var threads: Int
  var model: StateDict
  var optimizer: StateDict
  var average: StateDict?
  var best: StateDict?
  var swa: StateDict?
  /// The oldest first.
  var lawa: [StateDict]
  var generator: HostTensor
  /// The objective's own parameters, their optimizer, and what else it keeps; empty in supervised training.
  var head = StateDict()
  var headOptimizer = StateDict()
  var objective = StateDict()

  private static let positionKey = "soup.training.position"
  private static let configurationKey = "soup.training.configuration"
  private static let threadsKey = "soup.training.threads"

  /// Writes the state in place of the one before; a crash leaves one of the two whole.
  func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var dict = StateDict(metadata: [
      Self.positionKey: String(decoding: try encoder.encode(position), as: UTF8.self),
      Self.configurationKey: String(decoding: try encoder.encode(configuration), as: UTF8.self),
      Self.threadsKey: "\(threads)",
    ])
    var parts = [("model", model), ("optimizer", optimizer), ("average", average), ("best", best), ("swa", swa)]
    parts += [("head", head), ("head_optimizer", headOptimizer), ("objective", objective)]
    parts += lawa.enumerated().map { ("lawa.\($0)", $1) }
    for (part, tensors) in parts {
      for (name, tensor) in tensors ?? StateDict() { try dict.add(part + "." + name, tensor) }
    }
    try dict.add("generator", generator)
    try CheckpointWriter.write(dict, to: path)
  }

  /// Reads a state; nil if there is none.
  /// - Throws: `TrainingError.Code.damagedState`.
  init?(contentsOf path: String, advice: String = "Start over with --restart") throws {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    do {
      let dict = try Checkpoint(contentsOf: path).stateDict()
      let decoder = JSONDecoder()
      guard let position = dict.metadata[Self.positionKey], let configuration = dict.metadata[Self.configurationKey],
        let threads = dict.metadata[Self.threadsKey].flatMap({ Int($0) }), let generator = dict["generator"]
      else { throw TrainingError(.damagedState, "it holds no training state") }
      self.position = try decoder.decode(Position.self, from: Data(position.utf8))
      self.configuration = try decoder.decode(TrainingConfiguration.self, from: Data(configuration.utf8))
      self.threads = threads
      self.generator = generator
      model = try Self.part("model", of: dict)
      optimizer = try Self.part("optimizer", of: dict)
      head = try Self.part("head", of: dict)
      headOptimizer = try Self.part("head_optimizer", of: dict)
      objective = try Self.part("objective", of: dict)
      let average = try Self.part("average", of: dict)
      self.average = average.isEmpty ? nil : average
      let best = try Self.part("best", of: dict)
      self.best = best.isEmpty ? nil : best
      let swa = try Self.part("swa", of: dict)
      self.swa = swa.isEmpty ? nil : swa
      lawa = try (0..<(self.position.lawaCount ?? 0)).map { try Self.part("lawa.\($0)", of: dict) }
    } catch {
      throw TrainingError(
        .damagedState, file: path, "cannot continue from '\(path)': \(error). \(advice)")
    }
  }

  init(
    position: Position, configuration: TrainingConfiguration, threads: Int, model: StateDict, optimizer: StateDict,
    average: StateDict?, best: StateDict?, swa: StateDict?, lawa: [StateDict], generator: HostTensor
  ) {
    self.position = position
    self.configuration = configuration
    self.threads = threads
    self.model = model
    self.optimizer = optimizer
    self.average = average
    self.best = best
    self.swa = swa
    self.lawa = lawa
    self.generator = generator
  }

  private static func part(_ name: String, of dict: StateDict) throws -> StateDict {
    let prefix = name + "."
    return try StateDict(
      dict.compactMap { entry in
        entry.name.hasPrefix(prefix) ? (String(entry.name.dropFirst(prefix.count)), entry.tensor) : nil
      })
  }
}

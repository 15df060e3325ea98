import SoupModels
import SoupTorch

/// Which self-supervised objective a run minimises, and how its head is trained.
///
/// As JSON: `{"kind":"mae","mae":{"mask_ratio":0.75,…},"head_learning_rate":1e-05,"head_warmup":0.01}`.
public struct ObjectiveConfiguration: Sendable, Hashable {
  /// The names that people type.
  public enum Kind: String, Codable, Sendable, CaseIterable {
    case mae
  }

  /// The objective with its own settings.
  public enum Algorithm: Sendable, Hashable {
    case mae(MAEConfiguration)
  }

  public var algorithm: Algorithm
  /// Highest learning rate of the head; nil takes the model's.
  public var headLearningRate: Double?
  /// Fraction of all steps over which the head's learning rate rises from 1e-6 of its highest; then a cosine to 0.
  public var headWarmup: Double

  public init(_ algorithm: Algorithm, headLearningRate: Double? = nil, headWarmup: Double = 0.01) {
    self.algorithm = algorithm
    self.headLearningRate = headLearningRate
    self.headWarmup = headWarmup
  }

  public var kind: Kind {
    switch algorithm {
    case .mae: .mae
    }
  }

  /// Builds the objective with a new head.
  /// - Parameters:
  ///   - model: what it will be used with
  ///   - generator: where the head's first values come from
  /// - Throws: `TrainingError.Code.badConfiguration` for a model that the objective cannot train.
  public func make(for model: any Model, generator: RandomGenerator, device: Device) throws -> any Objective {
    switch algorithm {
    case .mae(let settings): try MAE(settings, for: model, generator: generator, device: device)
    }
  }

  /// The head's learning rate at a step, counted from 0.
  func headLearningRate(step: Int, totalSteps: Int, model: Double) -> Double {
    Schedule.linearCosine(fraction: headWarmup, start: 1e-6)
      .learningRate(base: headLearningRate ?? model, step: step, totalSteps: totalSteps)
  }

  var problems: [String] {
    var problems: [String] = []
    if let headLearningRate, !(headLearningRate > 0 && headLearningRate.isFinite) {
      problems.append("the head's learning rate must be above 0, found \(headLearningRate)")
    }
    if !(0...1).contains(headWarmup) { problems.append("the head's warm-up must be in 0...1, found \(headWarmup)") }
    switch algorithm {
    case .mae(let settings): problems += settings.problems
    }
    return problems
  }
}

extension ObjectiveConfiguration: Codable {
  private enum Key: String, CodingKey {
    case kind
    case headLearningRate = "head_learning_rate"
    case headWarmup = "head_warmup"
    case mae
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    let algorithm: Algorithm =
      switch try values.decode(Kind.self, forKey: .kind) {
      case .mae: .mae(try values.decode(MAEConfiguration.self, forKey: .mae))
      }
    self.init(
      algorithm, headLearningRate: try values.decodeIfPresent(Double.self, forKey: .headLearningRate),
      headWarmup: try values.decode(Double.self, forKey: .headWarmup))
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(kind, forKey: .kind)
    try values.encodeIfPresent(headLearningRate, forKey: .headLearningRate)
    try values.encode(headWarmup, forKey: .headWarmup)
    switch algorithm {
    case .mae(let settings): try values.encode(settings, forKey: .mae)
    }
  }
}

import SoupModels
import SoupTorch

/// Which self-supervised objective a run minimises, and how its head is trained.
///
/// As JSON: `{"kind":"mae","mae":{"mask_ratio":0.75,…},"head_learning_rate":1e-05,"head_warmup":0.01}`.
public struct ObjectiveConfiguration: Sendable, Hashable {
  /// The names that people type.
  public enum Kind: String, Codable, Sendable, CaseIterable {
    case mae, mocov3, mmcr, lejepa
  }

  /// The objective with its own settings.
  public enum Algorithm: Sendable, Hashable {
    case mae(MAEConfiguration)
    case mocov3(MoCoV3Configuration)
    case mmcr(MMCRConfiguration)
    case lejepa(LeJEPAConfiguration)
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
    case .mocov3: .mocov3
    case .mmcr: .mmcr
    case .lejepa: .lejepa
    }
  }

  /// Independent views of each image that the objective takes, and how many of them show much of the image.
  public var views: (all: Int, global: Int) {
    switch algorithm {
    case .mae: (1, 1)
    case .mocov3: (2, 2)
    case .mmcr(let settings): (settings.views, settings.views)
    case .lejepa(let settings): (settings.globalViews + settings.localViews, settings.globalViews)
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
    case .mocov3(let settings): try MoCoV3(settings, model: model, generator: generator)
    case .mmcr(let settings): try MMCR(settings, model: model, generator: generator)
    case .lejepa(let settings): try LeJEPA(settings, model: model, generator: generator)
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
    case .mocov3(let settings): problems += settings.problems
    case .mmcr(let settings): problems += settings.problems
    case .lejepa(let settings): problems += settings.problems
    }
    return problems
  }
}

extension ObjectiveConfiguration: Codable {
  private enum Key: String, CodingKey {
    case kind
    case headLearningRate = "head_learning_rate"
    case headWarmup = "head_warmup"
    case mae, mocov3, mmcr, lejepa
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    let algorithm: Algorithm =
      switch try values.decode(Kind.self, forKey: .kind) {
      case .mae: .mae(try values.decode(MAEConfiguration.self, forKey: .mae))
      case .mocov3: .mocov3(try values.decode(MoCoV3Configuration.self, forKey: .mocov3))
      case .mmcr: .mmcr(try values.decode(MMCRConfiguration.self, forKey: .mmcr))
      case .lejepa: .lejepa(try values.decode(LeJEPAConfiguration.self, forKey: .lejepa))
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
    case .mocov3(let settings): try values.encode(settings, forKey: .mocov3)
    case .mmcr(let settings): try values.encode(settings, forKey: .mmcr)
    case .lejepa(let settings): try values.encode(settings, forKey: .lejepa)
    }
  }
}

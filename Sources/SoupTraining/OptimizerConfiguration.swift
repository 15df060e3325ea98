/// Which optimizer, and its settings.
public struct OptimizerConfiguration: Codable, Sendable, Hashable {
  public enum Kind: String, Codable, Sendable, CaseIterable {
    case sgd
    case adamw
  }

  public var kind: Kind
  /// The highest learning rate of the schedule.
  public var learningRate: Double
  /// L2 coefficient added to the gradient for SGD, decoupled decay for AdamW.
  public var weightDecay: Double
  /// Whether biases and normalisation parameters (all parameters of one dimension) are left without weight decay.
  public var noDecayOnNorms: Bool
  /// SGD only.
  public var momentum: Double
  /// SGD only.
  public var nesterov: Bool
  /// AdamW only.
  public var beta1: Double
  /// AdamW only.
  public var beta2: Double
  /// AdamW only.
  public var epsilon: Double

  public init(
    kind: Kind, learningRate: Double, weightDecay: Double, noDecayOnNorms: Bool = false, momentum: Double = 0.9,
    nesterov: Bool = true, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8
  ) {
    self.kind = kind
    self.learningRate = learningRate
    self.weightDecay = weightDecay
    self.noDecayOnNorms = noDecayOnNorms
    self.momentum = momentum
    self.nesterov = nesterov
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }

  /// SGD with Nesterov momentum 0.9.
  public static func sgd(learningRate: Double = 0.1, weightDecay: Double = 5e-4) -> OptimizerConfiguration {
    OptimizerConfiguration(kind: .sgd, learningRate: learningRate, weightDecay: weightDecay)
  }

  public static func adamW(learningRate: Double = 1e-3, weightDecay: Double = 0.05) -> OptimizerConfiguration {
    OptimizerConfiguration(kind: .adamw, learningRate: learningRate, weightDecay: weightDecay)
  }

  var problems: [String] {
    [
      learningRate > 0 && learningRate.isFinite ? nil : "the learning rate must be above 0, found \(learningRate)",
      weightDecay >= 0 && weightDecay.isFinite ? nil : "weight decay must be 0 or more, found \(weightDecay)",
      (0..<1).contains(momentum) ? nil : "momentum must be in 0..<1, found \(momentum)",
      nesterov && kind == .sgd && momentum == 0 ? "Nesterov needs a momentum above 0" : nil,
      (0..<1).contains(beta1) ? nil : "beta1 must be in 0..<1, found \(beta1)",
      (0..<1).contains(beta2) ? nil : "beta2 must be in 0..<1, found \(beta2)",
      epsilon > 0 ? nil : "epsilon must be above 0, found \(epsilon)",
    ].compactMap { $0 }
  }

  private enum CodingKeys: String, CodingKey {
    case kind
    case learningRate = "learning_rate"
    case weightDecay = "weight_decay"
    case noDecayOnNorms = "no_decay_on_norms"
    case momentum, nesterov, beta1, beta2, epsilon
  }

  // Only what the kind uses is written, so that two AdamW runs never differ by a momentum that neither has.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(kind, forKey: .kind)
    try values.encode(learningRate, forKey: .learningRate)
    try values.encode(weightDecay, forKey: .weightDecay)
    try values.encode(noDecayOnNorms, forKey: .noDecayOnNorms)
    switch kind {
    case .sgd:
      try values.encode(momentum, forKey: .momentum)
      try values.encode(nesterov, forKey: .nesterov)
    case .adamw:
      try values.encode(beta1, forKey: .beta1)
      try values.encode(beta2, forKey: .beta2)
      try values.encode(epsilon, forKey: .epsilon)
    }
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let kind = try values.decode(Kind.self, forKey: .kind)
    self.init(
      kind: kind, learningRate: try values.decode(Double.self, forKey: .learningRate),
      weightDecay: try values.decode(Double.self, forKey: .weightDecay),
      noDecayOnNorms: try values.decode(Bool.self, forKey: .noDecayOnNorms))
    switch kind {
    case .sgd:
      momentum = try values.decode(Double.self, forKey: .momentum)
      nesterov = try values.decode(Bool.self, forKey: .nesterov)
    case .adamw:
      beta1 = try values.decode(Double.self, forKey: .beta1)
      beta2 = try values.decode(Double.self, forKey: .beta2)
      epsilon = try values.decode(Double.self, forKey: .epsilon)
    }
  }
}

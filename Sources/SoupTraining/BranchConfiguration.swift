/// Where a branch left its trunk, and by how much its settings differ.
///
/// A branch starts with the trunk's weights, optimizer state and place in the schedule. Its learning rate, momentum and
/// weight decay are the trunk's times these scales; the order of the images and their augmentation follow the branch's
/// own seed.
/// - Source: the protocol of *When is Model Souping Tasty?*: multiplied after optimizer and schedule were restored.
public struct BranchConfiguration: Codable, Sendable, Hashable {
  /// The metadata key under which a branch's checkpoint says where it comes from.
  public static let key = "soup.branch"

  /// Fingerprint of the trunk's weights and optimizer state at the branch point.
  public var fingerprint: String
  /// Epochs, and steps, of the trunk behind the branch point.
  public var epoch: Double
  public var step: Int
  public var scales: BranchScales
  /// Length of the trunk's schedule in epochs, which the branch's rate follows.
  public var trunkEpochs: Double
  /// The trunk's highest learning rate, unscaled.
  public var trunkLearningRate: Double

  public init(
    fingerprint: String, epoch: Double, step: Int, scales: BranchScales, trunkEpochs: Double, trunkLearningRate: Double
  ) {
    self.fingerprint = fingerprint
    self.epoch = epoch
    self.step = step
    self.scales = scales
    self.trunkEpochs = trunkEpochs
    self.trunkLearningRate = trunkLearningRate
  }

  private enum CodingKeys: String, CodingKey {
    case fingerprint, epoch, step, scales
    case trunkEpochs = "trunk_epochs"
    case trunkLearningRate = "trunk_learning_rate"
  }

  var problems: [String] {
    scales.problems
      + (step < 0 || trunkEpochs <= 0 ? ["the branch point is at step \(step) of \(trunkEpochs) epochs"] : [])
  }
}

/// What a branch multiplies its trunk's settings by.
public struct BranchScales: Codable, Sendable, Hashable {
  public var learningRate: Double
  /// SGD only.
  public var momentum: Double
  public var weightDecay: Double

  public init(learningRate: Double = 1, momentum: Double = 1, weightDecay: Double = 1) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.weightDecay = weightDecay
  }

  private enum CodingKeys: String, CodingKey {
    case learningRate = "learning_rate"
    case momentum
    case weightDecay = "weight_decay"
  }

  var problems: [String] {
    [("learning rate", learningRate), ("momentum", momentum)].compactMap { name, value in
      value > 0 && value.isFinite ? nil : "the scale of the \(name) must be above 0, found \(value)"
    }
      + (weightDecay >= 0 && weightDecay.isFinite
        ? [] : ["the scale of weight decay must be 0 or more, found \(weightDecay)"])
  }

  /// The trunk's settings times the scales.
  /// - Throws: `TrainingError.Code.badConfiguration` where the momentum would reach 1, or the optimizer has none.
  func callAsFunction(_ trunk: OptimizerConfiguration) throws(TrainingError) -> OptimizerConfiguration {
    var problems = problems
    var scaled = trunk
    scaled.learningRate *= learningRate
    scaled.weightDecay *= weightDecay
    switch trunk.kind {
    case .sgd:
      scaled.momentum *= momentum
      if !(scaled.momentum < 1) {
        problems.append(
          "momentum \(trunk.momentum) times \(momentum) is \(scaled.momentum), and must stay below 1: "
            + "a scale below \(1 / trunk.momentum)")
      }
    case .adamw:
      if momentum != 1 { problems.append("the momentum is scaled by \(momentum), but AdamW has none") }
    }
    guard problems.isEmpty else { throw TrainingError(.badConfiguration, problems.joined(separator: "\n")) }
    return scaled
  }
}

/// After which epochs a trunk keeps states that branches can start from.
public struct CheckpointInterval: Sendable, Hashable {
  public var every: Int
  /// The first of them; the next is `first + every`.
  public var first: Int

  public init(every: Int, first: Int? = nil) {
    self.every = every
    self.first = first ?? every
  }

  /// Whether a state is kept after this many epochs.
  public func takes(_ epoch: Int) -> Bool { epoch >= first && (epoch - first).isMultiple(of: every) }
}

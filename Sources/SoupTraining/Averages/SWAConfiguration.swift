/// Stochastic weight averaging: from an epoch on, train at a rate that does not vanish, and average the weights at the end of
/// every epoch or cycle.
///
/// Steps count from `start`. The rate is
/// - constant: `(1 − t)·r₀ + t·learningRate`, `t = min(1, n / anneal)`, from r₀, the schedule's rate at `start`, as
///   `torch.optim.swa_utils.SWALR` with `anneal_strategy="linear"`;
/// - cyclic, with `cycle` c: `(1 − t)·learningRate + t·lowestRate`, `t = (n mod c + 1)/c`, a saw tooth.
///
/// The weights at `start` are the first of the mean (unless training starts there), then those after every `every`.
/// - Source: Izmailov et al., 2018, arXiv:1803.05407.
public struct SWAConfiguration: Codable, Sendable, Hashable {
  /// Epochs of ordinary training before it, 0 or more.
  public var start: Double
  /// The constant rate, or the highest of a cycle.
  public var learningRate: Double
  /// Epochs in which the rate goes from the schedule's to the constant one, linearly.
  public var anneal: Double
  /// Length of a cycle of the rate; nil keeps it constant.
  public var cycle: TrainingInterval?
  /// The rate at the end of a cycle; nil is a hundredth of `learningRate`.
  public var lowestRate: Double?
  /// Between two moments of the mean; nil is a cycle, or an epoch where the rate is constant.
  public var every: TrainingInterval?

  public init(
    start: Double, learningRate: Double, anneal: Double = 0, cycle: TrainingInterval? = nil, lowestRate: Double? = nil,
    every: TrainingInterval? = nil
  ) {
    self.start = start
    self.learningRate = learningRate
    self.anneal = anneal
    self.cycle = cycle
    self.lowestRate = lowestRate
    self.every = every
  }

  private enum CodingKeys: String, CodingKey {
    case start
    case learningRate = "learning_rate"
    case anneal, cycle
    case lowestRate = "lowest_rate"
    case every
  }

  /// The first step that it governs.
  public func startStep(stepsPerEpoch: Int) -> Int { Int((start * Double(stepsPerEpoch)).rounded()) }

  /// The rate of a step, counted from 0; nil before `start`, where the schedule has it.
  /// - Parameter scheduled: the schedule's rate at `startStep`.
  public func learningRate(step: Int, scheduled: Double, stepsPerEpoch: Int) -> Double? {
    let n = step - startStep(stepsPerEpoch: stepsPerEpoch)
    guard n >= 0 else { return nil }
    if let cycle {
      let length = cycle.steps(perEpoch: stepsPerEpoch)
      let t = Double(n % length + 1) / Double(length)
      return (1 - t) * learningRate + t * (lowestRate ?? learningRate / 100)
    }
    let length = (anneal * Double(stepsPerEpoch)).rounded()
    let t = length > 0 ? min(1, Double(n) / length) : 1
    return (1 - t) * scheduled + t * learningRate
  }

  /// Whether the weights after this many steps belong to the mean.
  public func averages(after steps: Int, stepsPerEpoch: Int) -> Bool {
    let n = steps - startStep(stepsPerEpoch: stepsPerEpoch)
    let interval = (every ?? cycle ?? .epochs(1)).steps(perEpoch: stepsPerEpoch)
    return steps > 0 && n >= 0 && n % interval == 0
  }

  var problems: [String] {
    [
      start >= 0 && start.isFinite ? nil : "SWA must start at epoch 0 or later, found \(start)",
      learningRate > 0 && learningRate.isFinite ? nil : "SWA's learning rate must be above 0, found \(learningRate)",
      anneal >= 0 && anneal.isFinite ? nil : "SWA's annealing must take 0 epochs or more, found \(anneal)",
      anneal > 0 && cycle != nil ? "SWA anneals into a constant rate, not into a cycle" : nil,
      cycle?.isPositive ?? true ? nil : "a cycle of SWA must be longer than 0, found \(cycle!)",
      every?.isPositive ?? true ? nil : "SWA's interval must be above 0, found \(every!)",
      lowestRate != nil && cycle == nil ? "SWA's lowest rate goes with a cycle" : nil,
      lowestRate.map { $0 >= 0 && $0 <= learningRate } ?? true
        ? nil : "SWA's lowest rate must be in 0...\(learningRate), found \(lowestRate!)",
    ].compactMap { $0 }
  }
}

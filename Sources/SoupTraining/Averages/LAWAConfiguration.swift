/// Latest weight averaging: the mean of the last k of the weights that are taken at equal distances along the run.
/// - Source: Kaddour, 2022, arXiv:2209.14981.
public struct LAWAConfiguration: Codable, Sendable, Hashable {
  /// How many are kept, k.
  public var window: Int
  /// Between two of them.
  public var every: TrainingInterval

  public init(window: Int = 6, every: TrainingInterval = .epochs(1)) {
    self.window = window
    self.every = every
  }

  /// Whether the weights after this many steps are taken.
  public func takes(after steps: Int, stepsPerEpoch: Int) -> Bool {
    steps > 0 && steps % every.steps(perEpoch: stepsPerEpoch) == 0
  }

  var problems: [String] {
    [
      window > 0 ? nil : "LAWA's window must be at least 1, found \(window)",
      every.isPositive ? nil : "LAWA's interval must be above 0, found \(every)",
    ].compactMap { $0 }
  }
}

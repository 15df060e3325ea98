import SoupTensors
import SoupTorch

/// A moving average of a model's weights: `a ← d·a + (1 − d)·θ` after every step, starting from the first weights.
///
/// Parameters and running statistics are averaged; integer counters are those of the model.
/// - Source: Polyak and Juditsky, 1992; as timm's `ModelEmaV3` without warm-up.
public final class ExponentialMovingAverage {
  public let decay: Double
  private let average: AveragedWeights

  /// Starts at the store's present weights.
  /// - Parameter decay: share of the old average that stays at each step, 0..<1.
  public init(of store: ParameterStore, decay: Double) throws {
    self.decay = decay
    average = try AveragedWeights(of: store)
  }

  /// Takes the present weights into the average.
  public func update() throws { try average.move(1 - decay) }

  /// The averaged model, complete: it loads strictly.
  public func stateDict() throws -> StateDict { try average.stateDict() }

  /// Continues from an average that `stateDict` gave.
  public func load(_ dict: StateDict) throws { try average.load(dict) }
}

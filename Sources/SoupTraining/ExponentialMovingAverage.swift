import SoupTensors
import SoupTorch

/// A moving average of a model's weights: `a ← d·a + (1 − d)·θ` after every step, starting from the first weights.
///
/// Parameters and running statistics are averaged; integer counters are those of the model.
/// - Source: Polyak and Juditsky, 1992; as timm's `ModelEmaV3` without warm-up.
public final class ExponentialMovingAverage {
  public let decay: Double
  private let store: ParameterStore
  private var names: [String] = []
  private var averages: [Tensor] = []
  private var sources: [Tensor] = []

  /// Starts at the store's present weights.
  /// - Parameter decay: share of the old average that stays at each step, 0..<1.
  public init(of store: ParameterStore, decay: Double) throws {
    self.decay = decay
    self.store = store
    for (name, tensor) in store.parameters + store.buffers where tensor.dtype.isFloatingPoint {
      names.append(name)
      sources.append(tensor)
      averages.append(try tensor.detach().clone())
    }
  }

  /// Takes the present weights into the average.
  public func update() throws {
    try Tensor.interpolate(averages, towards: sources, weight: 1 - decay)
  }

  /// The averaged model, complete: it loads strictly.
  public func stateDict() throws -> StateDict {
    var dict = try store.stateDict()
    for (name, average) in zip(names, averages) { dict[name] = try average.host() }
    return dict
  }

  /// Continues from an average that `stateDict` gave.
  public func load(_ dict: StateDict) throws {
    for (name, average) in zip(names, averages) {
      guard let value = dict[name] else {
        throw TrainingError(.damagedState, "the saved moving average lacks '\(name)'")
      }
      try average.copy(from: value)
    }
  }
}

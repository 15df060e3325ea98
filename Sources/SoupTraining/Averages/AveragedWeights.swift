import SoupTensors
import SoupTorch

/// A second set of a model's floating-point tensors that moves towards the first: what all averages along a run are made of.
/// Integer counters are those of the model.
struct AveragedWeights {
  private let store: ParameterStore
  private var names: [String] = []
  private var averages: [Tensor] = []
  private var sources: [Tensor] = []

  /// Starts at the store's present weights.
  init(of store: ParameterStore) throws {
    self.store = store
    for (name, tensor) in store.parameters + store.buffers where tensor.dtype.isFloatingPoint {
      names.append(name)
      sources.append(tensor)
      averages.append(try tensor.detach().clone())
    }
  }

  /// `a ← a + share · (θ − a)`
  func move(_ share: Double) throws { try Tensor.interpolate(averages, towards: sources, weight: share) }

  /// The average, complete: it loads strictly.
  func stateDict() throws -> StateDict {
    var dict = try store.stateDict()
    for (name, average) in zip(names, averages) { dict[name] = try average.host() }
    return dict
  }

  /// - Throws: `TrainingError.Code.damagedState` if a tensor is missing.
  func load(_ dict: StateDict) throws {
    for (name, average) in zip(names, averages) {
      guard let value = dict[name] else { throw TrainingError(.damagedState, "the saved average lacks '\(name)'") }
      try average.copy(from: value)
    }
  }
}

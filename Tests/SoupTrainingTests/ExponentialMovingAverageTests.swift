import Foundation
import SoupModels
import SoupTensors
import SoupTorch
import SoupTraining
import Testing

@Suite struct ExponentialMovingAverageTests {
  private func store() throws -> ParameterStore {
    let store = ParameterStore(generator: try RandomGenerator(seed: 0))
    _ = try store.root.parameter("weight", shape: [2], .values(HostTensor(floats: [1, -2], shape: [2])))
    _ = try store.root.buffer("running_mean", shape: [1], .zeros)
    _ = try store.root.buffer("count", shape: [], .zeros, dtype: .int64)
    return store
  }

  /// From θ₀ and a constant θ afterwards: a_n = dⁿ·θ₀ + (1 − dⁿ)·θ. Counters follow the model.
  @Test func closedForm() throws {
    let store = try store()
    let average = try ExponentialMovingAverage(of: store, decay: 0.9)
    try store.load(
      StateDict([
        ("weight", HostTensor(floats: [5, 3], shape: [2])), ("running_mean", HostTensor(floats: [10], shape: [1])),
        ("count", HostTensor(integers: [7], shape: [])),
      ]))
    for _ in 0..<20 { try average.update() }
    let dict = try average.stateDict()
    let left = pow(0.9, 20.0)
    for (name, first, later) in [("weight", [1.0, -2.0], [5.0, 3.0]), ("running_mean", [0.0], [10.0])] {
      let found = try #require(dict[name]).doubles()
      for index in found.indices {
        #expect(abs(found[index] - (left * first[index] + (1 - left) * later[index])) < 1e-5)
      }
    }
    #expect(dict["count"]?.doubles() == [7])
  }

  @Test func continuesFromItsState() throws {
    let store = try store()
    let whole = try ExponentialMovingAverage(of: store, decay: 0.7)
    let half = try ExponentialMovingAverage(of: store, decay: 0.7)
    try store.load(StateDict([("weight", HostTensor(floats: [0.1, 0.7], shape: [2]))]), strict: false)
    for _ in 0..<6 { try whole.update() }
    for _ in 0..<3 { try half.update() }
    let rest = try ExponentialMovingAverage(of: store, decay: 0.7)
    try rest.load(half.stateDict())
    for _ in 0..<3 { try rest.update() }
    #expect(try rest.stateDict()["weight"]?.floats() == whole.stateDict()["weight"]?.floats())
    #expect(throws: TrainingError.self) { try rest.load(StateDict()) }
  }
}

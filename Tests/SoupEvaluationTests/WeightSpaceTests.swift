import Foundation
import SoupAnalysis
import SoupData
import SoupEvaluation
import SoupModels
import SoupTensors
import SoupTorch
import Testing

private let network = "resnet8:classes=3,channels=1,image=8"

private func model(seed: UInt64 = 1) throws -> any Model {
  try makeModel(ModelConfiguration(parsing: network), generator: RandomGenerator(seed: seed), device: .cpu)
}

/// Weights of a new model, with running statistics that differ too.
private func weights(_ seed: UInt64) throws -> StateDict {
  var dict = try model(seed: seed).store.stateDict()
  for name in dict.names where name.hasSuffix("running_var") {
    if let tensor = dict[name] {
      dict[name] = try HostTensor(
        floats: tensor.floats().enumerated().map { Float(1 + $0.offset % 3) + Float(seed) / 10 }, shape: tensor.shape)
    }
  }
  return dict
}

private func images(_ count: Int = 48) throws -> MemoryDataset {
  var random = CounterGenerator(seed: 5)
  let pixels = HostStorage(count: count * 64) { bytes in
    for index in bytes.indices { bytes[index] = UInt8(random.uniform() * 256) }
  }
  return try MemoryDataset(
    name: "noise", classNames: ["a", "b", "c"], channels: 1, height: 8, width: 8, pixels: pixels,
    labels: (0..<count).map { $0 % 3 })
}

private func largestDifference(_ a: StateDict, _ b: StateDict) -> Double {
  var largest = 0.0
  for (name, tensor) in a {
    for (x, y) in zip(tensor.doubles(), b[name]?.doubles() ?? []) { largest = max(largest, abs(x - y)) }
  }
  return largest
}

@Suite(.serialized) struct WeightSpaceTests {
  @Test func cornersAreTheCheckpoints() throws {
    let states = try [weights(1), weights(2), weights(3)]
    let space = try WeightSpace(states, model: model(seed: 9))
    for (index, state) in states.enumerated() {
      try space.place((0..<3).map { $0 == index ? 1 : 0 })
      #expect(largestDifference(try space.snapshot(), state) == 0)
    }
  }

  /// Coordinates of the plane, turned back into weights, are the three models.
  @Test func thePlaneReproducesItsModels() throws {
    let states = try [weights(1), weights(2), weights(3)]
    let space = try WeightSpace(states, model: model(seed: 9))
    let products = try space.taskVectorProducts(base: 0)
    let plane = try WeightPlane(u1u1: products[1][1], u1u2: products[1][2], u2u2: products[2][2])
    for (point, state) in zip(plane.models, states) {
      try space.place(plane.coefficients(at: point))
      #expect(largestDifference(try space.snapshot(), state) < 1e-6)
    }
  }

  @Test func productsAreThoseOfTheFlattenedWeights() throws {
    let states = try [weights(1), weights(2), weights(3)]
    let network = try model(seed: 9)
    let found = try WeightSpace(states, model: network).taskVectorProducts(base: 1)
    let flat = states.map { state in network.store.parameters.flatMap { state[$0.name]?.doubles() ?? [] } }
    let vectors = flat.map { zip($0, flat[1]).map(-) }
    for i in 0..<3 {
      for j in 0..<3 {
        let expected = zip(vectors[i], vectors[j]).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(abs(found[i][j] - expected) <= 1e-12 * abs(expected))
      }
    }
  }

  @Test func statisticsFollowThePolicy() throws {
    let (a, b) = (try weights(1), try weights(2))
    let name = "bn1.running_var"
    func variance(_ policy: WeightSpace.BatchNormPolicy, _ coefficients: [Double]) throws -> [Float] {
      let network = try model(seed: 9)
      let recalibration = try BatchNormRecalibration(images(), batchSize: 48)
      try WeightSpace([a, b], model: network, batchNorm: policy, recalibration: recalibration).place(coefficients)
      return try #require(network.store[name]).host().floats()
    }
    let (first, second) = (try #require(a[name]).floats(), try #require(b[name]).floats())
    let mean = zip(first, second).map { ($0 + $1) / 2 }
    for (found, expected) in zip(try variance(.average, [0.5, 0.5]), mean) { #expect(abs(found - expected) < 1e-6) }
    // Beyond the ends a variance stays one: that of the nearer end.
    #expect(try variance(.average, [-0.5, 1.5]) == second)
    #expect(try variance(.copy, [0, 1]) == first)
    #expect(try variance(.recompute, [0, 1]) != second)
    #expect(throws: EvaluationError.self) { try WeightSpace([a, b], model: model(), batchNorm: .recompute) }
  }

  /// Models that differ in their classifier only are linear in what differs: soup and ensemble are one function.
  @Test func aSoupOfClassifiersIsTheirEnsemble() throws {
    let a = try weights(1)
    var b = a
    for name in ["linear.weight", "linear.bias"] { b[name] = try weights(2)[name] }
    let network = try model(seed: 9)
    let space = try WeightSpace([a, b], model: network)
    let evaluator = try Evaluator(images())
    func logits(_ alpha: Double) throws -> HostTensor {
      try space.place([1 - alpha, alpha])
      return try evaluator.logits(of: network)
    }
    let ends = (try logits(0), try logits(1))
    let found = try SoupEnsembleApproximation(
      alpha: 0.5, step: 0.02, beta: 1, ends: ends, soups: (logits(0.48), logits(0.5), logits(0.52)),
      labels: evaluator.labels)
    #expect(abs(found.difference) < 1e-6)
    #expect(found.varianceTerm > 1e-3)
    #expect(abs(found.estimate) < 0.02 * found.varianceTerm)
    let mean = try Ensemble.logits([ends.0, ends.1], weights: [0.5, 0.5]).floats()
    for (x, y) in zip(try logits(0.5).floats(), mean) { #expect(abs(x - y) < 1e-5) }
  }
}

@Suite(.serialized) struct WeightDirectionTests {
  /// Every filter of the direction is as long as the model's; biases and norms stay.
  @Test func filtersHaveTheNormsOfTheWeights() throws {
    let state = try weights(1)
    let network = try model(seed: 9)
    let space = try WeightSpace([state], model: network)
    let direction = try WeightDirection(around: 0, of: space, generator: CounterGenerator(seed: 3))
    try space.place([1], adding: [(direction, 1)])
    let moved = try space.snapshot()
    for (name, tensor) in network.store.parameters {
      let (before, after) = (try #require(state[name]).doubles(), try #require(moved[name]).doubles())
      guard tensor.rank > 1 else {
        #expect(before == after)
        continue
      }
      let filter = before.count / tensor.shape[0]
      for start in stride(from: 0, to: before.count, by: filter) {
        let own = before[start..<start + filter].reduce(0) { $0 + $1 * $1 }
        let step = (start..<start + filter).reduce(0) { $0 + (after[$1] - before[$1]) * (after[$1] - before[$1]) }
        #expect(abs(step - own) <= 1e-4 * own)
      }
    }
  }

  /// A model scaled by a number has its direction scaled by it: steps mean the same to both.
  @Test func directionsScaleWithTheModel() throws {
    let state = try weights(1)
    var double = state
    for (name, tensor) in state {
      double[name] = try HostTensor(floats: tensor.floats().map { 2 * $0 }, shape: tensor.shape)
    }
    func norm(_ state: StateDict) throws -> Double {
      let space = try WeightSpace([state], model: model(seed: 9))
      return try WeightDirection(around: 0, of: space, generator: CounterGenerator(seed: 3)).norm
    }
    #expect(abs(try norm(double) / norm(state) - 2) < 1e-5)
  }
}

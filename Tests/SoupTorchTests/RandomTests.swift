import SoupTensors
import SoupTorch
import Testing

/// Draws and initial values are PyTorch's, bit for bit up to the nine digits stored.
@Suite struct RandomTests {
  let expected: [String: Packed]

  init() throws { expected = try Fixture.read("draws") }

  private func same(_ tensor: Tensor, _ name: String) throws {
    #expect(try deviation(tensor, #require(expected[name])) < 1e-7, "\(name)")
  }

  @Test func drawsAreThoseOfTorchGenerator() throws {
    let generator = try RandomGenerator(seed: 123)
    try same(.normal(shape: [20], mean: 1, standardDeviation: 2, generator: generator), "normal")
    try same(.uniform(shape: [5], low: -3, high: 1, generator: generator), "uniform")
    try same(.bernoulli(shape: [40], probability: 0.3, generator: generator), "bernoulli")
  }

  @Test func layersStartAsInPyTorch() throws {
    let linear = try Linear(ParameterStore(generator: RandomGenerator(seed: 7)).root, 30, 8)
    try same(linear.weight, "linear.weight")
    try same(#require(linear.bias), "linear.bias")
    let conv = try Conv2d(ParameterStore(generator: RandomGenerator(seed: 7)).root, 3, 4, kernel: 3)
    try same(conv.weight, "conv.weight")
    try same(#require(conv.bias), "conv.bias")
  }

  @Test func truncatedNormalIsPyTorchs() throws {
    let store = ParameterStore(generator: try RandomGenerator(seed: 9))
    try same(store.root.parameter("t", shape: [50], .truncatedNormal(standardDeviation: 0.02)), "truncated")
  }

  @Test func aRestoredStateContinuesTheDraws() throws {
    let generator = try RandomGenerator(seed: 3)
    // An odd number of normal draws leaves one cached: that is part of the state.
    _ = try Tensor.normal(shape: [3], generator: generator)
    let state = try generator.state()
    let next = try Tensor.normal(shape: [100], generator: generator).host().floats()
    let other = try RandomGenerator(seed: 99)
    try other.restore(state)
    #expect(try Tensor.normal(shape: [100], generator: other).host().floats() == next)
    #expect(throws: TorchError.self) { try other.restore(HostTensor(floats: [1], shape: [1])) }
  }

  @Test func dropoutKeepsTheShareAndTheMean() throws {
    let store = ParameterStore(generator: try RandomGenerator(seed: 4))
    let dropout = try Dropout(store.root, rate: 0.25)
    let y = try dropout(.ones(shape: [100, 100]), training: true).host().floats()
    #expect(Set(y) == [0, Float(1 / 0.75)])
    let kept = Double(y.count { $0 > 0 }) / 10_000
    #expect(abs(kept - 0.75) < 0.02)  // 4.6 standard deviations
    #expect(try dropout(.ones(shape: [3]), training: false).host().floats() == [1, 1, 1])
    #expect(throws: TorchError.self) { try Dropout(store.root, rate: 1) }
  }

  @Test func dropPathDropsWholeImages() throws {
    let store = ParameterStore(generator: try RandomGenerator(seed: 4))
    let drop = try DropPath(store.root, rate: 0.5)
    let y = try drop(.ones(shape: [64, 2, 3]), training: true).host().floats()
    let images = stride(from: 0, to: y.count, by: 6).map { Set(y[$0..<$0 + 6]) }
    #expect(images.allSatisfy { $0 == [0] || $0 == [2] })
    #expect(Set(images).count == 2)
  }
}

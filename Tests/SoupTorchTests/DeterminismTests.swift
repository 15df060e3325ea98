import SoupTensors
import SoupTorch
import Testing

/// The same seed and the same number of threads give the same bytes.
@Suite struct DeterminismTests {
  /// Five training steps of a small network with every kind of layer.
  private func train(_ precision: Precision) throws -> [Float] {
    let generator = try RandomGenerator(seed: 8)
    let store = ParameterStore(generator: generator)
    let convolution = try Conv2d(store.root / "conv", 3, 32, kernel: 3, padding: 1, bias: false)
    let norm = try BatchNorm2d(store.root / "bn", 32)
    let attention = try MultiHeadAttention(store.root / "attn", width: 32, heads: 2)
    let layerNorm = try LayerNorm(store.root / "norm", 32)
    let drop = try DropPath(store.root / "drop", rate: 0.2)
    let head = try Linear(store.root / "head", 32, 10)
    try store.channelsLast()
    let optimizer = try AdamW(ParameterGroup.decayingWeightsOnly(store))
    let images = try Tensor.normal(shape: [32, 3, 12, 12], generator: generator).channelsLast()
    let labels = try Tensor(HostTensor(integers: (0..<32).map { $0 % 10 }, shape: [32]))
    for _ in 0..<5 {
      optimizer.zeroGradients()
      let loss = try withAutocast(precision) {
        let x = try norm(convolution(images), training: true, relu: true)
        let tokens = try x.flatten(from: 2).transpose(1, 2)
        let y = try tokens + drop(attention(layerNorm(tokens)), training: true)
        return try crossEntropy(head(y.gelu().mean(over: [1])), labels: labels)
      }
      try loss.backward()
      try clipGradientNorm(store.parameters.map(\.tensor), maxNorm: 1)
      try optimizer.step(learningRate: 1e-2)
    }
    return try store.stateDict().flatMap { $0.tensor.floats() }
  }

  @Test(arguments: Precision.allCases)
  func trainingTwiceGivesTheSameBytes(_ precision: Precision) throws {
    let first = try train(precision)
    #expect(first.allSatisfy { $0.isFinite })
    #expect(try train(precision) == first)
  }
}

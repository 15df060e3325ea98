import SoupTensors
import SoupTorch
import Testing

/// Values and gradients of every layer against PyTorch in float64.
@Suite struct LayerTests {
  let cases: [String: LayerCase]

  init() throws { cases = try Fixture.read("layers") }

  private func agree(
    _ name: String, within tolerance: Double = 2e-6, channelsLast: Bool = false,
    _ layer: ([String: Tensor]) throws -> Tensor
  ) throws {
    let found = try #require(cases[name]).deviations(channelsLast: channelsLast, layer)
    #expect(found.values.allSatisfy { $0 <= tolerance }, "\(name): \(found)")
  }

  @Test(arguments: ["linear", "linear-wide"])
  func linear(_ name: String) throws { try agree(name) { try $0["x"]!.linear($0["weight"]!, $0["bias"]!) } }

  @Test(arguments: [false, true])
  func convolution(channelsLast: Bool) throws {
    try agree("conv", channelsLast: channelsLast) {
      try $0["x"]!.convolved($0["weight"]!, $0["bias"]!, ConvolutionGeometry(stride: 2, padding: 1))
    }
    try agree("conv-grouped-dilated", channelsLast: channelsLast) {
      try $0["x"]!.convolved($0["weight"]!, $0["bias"]!, ConvolutionGeometry(dilation: 2, groups: 2))
    }
  }

  @Test(
    arguments: [
      "batch-norm", "batch-norm-relu", "batch-norm-residual", "batch-norm-residual-relu", "batch-norm-odd-channels",
    ], [false, true])
  func batchNorm(_ name: String, channelsLast: Bool) throws {
    let expected = try #require(cases[name])
    let before = try #require(expected.before)
    let after = try #require(expected.after)
    let store = ParameterStore(generator: try RandomGenerator(seed: 0))
    let layer = try BatchNorm2d(store.root, before.mean.shape[0])
    try layer.runningMean.copy(from: before.mean.host())
    try layer.runningVariance.copy(from: before.variance.host())
    let relu = name.contains("relu") || name.contains("odd")
    let found = try expected.deviations(channelsLast: channelsLast) {
      // The layer's own scale and shift are replaced by the fixture's, so that their gradients are compared too.
      try $0["x"]!.batchNormalized(
        $0["weight"]!, $0["bias"]!, mean: layer.runningMean, variance: layer.runningVariance, training: true,
        momentum: 0.1, epsilon: 1e-5, adding: $0["residual"], relu: relu)
    }
    #expect(found.values.allSatisfy { $0 <= 2e-6 }, "\(found)")
    #expect(try deviation(layer.runningMean, after.mean) < 1e-6)
    #expect(try deviation(layer.runningVariance, after.variance) < 1e-6)
  }

  @Test func batchNormInEvaluationUsesTheRunningStatistics() throws {
    let store = ParameterStore(generator: try RandomGenerator(seed: 0))
    let layer = try BatchNorm2d(store.root, 16)
    let generator = try RandomGenerator(seed: 5)
    let x = try Tensor.normal(shape: [2, 16, 3, 3], generator: generator)
    let r = try Tensor.normal(shape: [2, 16, 3, 3], generator: generator)
    try layer.runningMean.copy(from: Tensor.normal(shape: [16], generator: generator).host())
    try layer.runningVariance.copy(from: Tensor.uniform(shape: [16], low: 0.5, high: 2, generator: generator).host())
    try layer.weight.copy(from: Tensor.normal(shape: [16], generator: generator).host())
    try layer.bias.copy(from: Tensor.normal(shape: [16], generator: generator).host())
    func wide(_ t: Tensor) throws -> Tensor { try t.detach().to(.float64).reshape([1, 16, 1, 1]) }
    let scale = try wide(layer.weight) / (wide(layer.runningVariance) + layer.epsilon).squareRoot()
    let expected = try ((x.to(.float64) - wide(layer.runningMean)) * scale + wide(layer.bias) + r.to(.float64)).relu()
    let found = try withoutGradients { try layer(x, training: false, adding: r, relu: true) }
    #expect(deviation(try found.host().doubles(), try expected.host().doubles()) < 1e-6)
    // With gradients another path runs; it must say the same.
    let recorded = try layer(x, training: false, adding: r, relu: true).detach()
    #expect(deviation(try recorded.host().doubles(), try expected.host().doubles()) < 1e-6)
    #expect(try layer.batchesTracked.item() == 0)
  }

  @Test func batchNormWithoutMomentumKeepsThePlainAverage() throws {
    let store = ParameterStore(generator: try RandomGenerator(seed: 0))
    let layer = try BatchNorm2d(store.root, 16)
    try layer.resetStatistics()
    layer.momentum = nil
    var means: [Double] = []
    for batch in 0..<3 {
      let x = try Tensor.normal(
        shape: [4, 16, 2, 2], mean: Double(batch), generator: RandomGenerator(seed: UInt64(batch)))
      means.append(try x.select(1, index: 3).mean().item())
      _ = try layer(x, training: true)
    }
    #expect(abs(try layer.runningMean.host().doubles()[3] - means.reduce(0, +) / 3) < 1e-6)
    #expect(try layer.batchesTracked.item() == 3)
  }

  @Test func layerNorm() throws {
    try agree("layer-norm") { try $0["x"]!.layerNormalized($0["weight"]!, $0["bias"]!, epsilon: 1e-6) }
  }

  @Test func gelu() throws { try agree("gelu") { try $0["x"]!.gelu() } }

  @Test func geluIsExactFarOut() throws {
    let values: [Float] = [-.infinity, -1e30, -200, -14, 0, 14, 200, 1e30, .infinity, .nan]
    let found = try Tensor(values, shape: [10]).gelu().host().floats()
    #expect(found[1...8].elementsEqual([-0.0, -0.0, found[3], 0, 14, 200, 1e30, .infinity]))
    #expect(abs(found[3]) < 1e-30 && found[9].isNaN)
  }

  @Test func softmax() throws {
    try agree("softmax") { try $0["x"]!.softmax(over: 1) }
    try agree("softmax") { try $0["x"]!.logSoftmax(over: 1).exp() }
  }

  @Test(arguments: ["attention", "attention-one-token", "attention-odd-width"])
  func attention(_ name: String) throws {
    let heads = try #require(cases[name]?.heads)
    try agree(name) { try $0["qkv"]!.attention(heads: heads) }
    // The same from separate q, k and v.
    try agree(name) { inputs in
      let x = inputs["qkv"]!
      let (n, tokens, width) = (x.shape[0], x.shape[1], x.shape[2] / 3)
      let parts = try x.reshape([n, tokens, 3, heads, width / heads]).permute([2, 0, 3, 1, 4])
      let y = try Tensor.attention(
        query: parts.select(0, index: 0), key: parts.select(0, index: 1), value: parts.select(0, index: 2))
      return try y.transpose(1, 2).reshape([n, tokens, width])
    }
  }

  @Test func pools() throws {
    try agree("average-pool") { try $0["x"]!.averagePool(size: 2) }
    try agree("max-pool") { try $0["x"]!.maxPool(size: 3, stride: 2, padding: 1) }
    try agree("adaptive-average-pool") { try $0["x"]!.adaptiveAveragePool() }
  }

  @Test(arguments: [0.0, 0.1])
  func crossEntropies(smoothing: Double) throws {
    let name = "cross-entropy-\(smoothing)"
    let labels = try Tensor(HostTensor(integers: #require(cases[name]?.labels), shape: [5]))
    try agree(name) { try crossEntropy($0["x"]!, labels: labels, labelSmoothing: smoothing) }
    let shares = try #require(cases["cross-entropy-shares-\(smoothing)"]?.shares).tensor()
    try agree("cross-entropy-shares-\(smoothing)") {
      try crossEntropy($0["x"]!, labels: shares, labelSmoothing: smoothing)
    }
  }
}

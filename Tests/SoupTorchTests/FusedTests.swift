import SoupTensors
import SoupTorch
import Testing

/// A fused layer says what its parts say one after another.
@Suite struct FusedTests {
  private func images(_ shape: [Int], _ seed: UInt64) throws -> Tensor {
    try Tensor.normal(shape: shape, generator: RandomGenerator(seed: seed)).channelsLast()
  }

  /// A batch norm that has seen something.
  private func norm(_ store: ParameterStore, _ channels: Int) throws -> BatchNorm2d {
    let norm = try BatchNorm2d(store.root / "bn", channels)
    for (tensor, low) in [(norm.weight, -1.0), (norm.bias, -1), (norm.runningMean, -1), (norm.runningVariance, 0.5)] {
      try tensor.copy(from: Tensor.uniform(shape: [channels], low: low, high: 2, generator: store.generator).host())
    }
    return norm
  }

  @Test(
    arguments: [(3, 16, 1), (16, 16, 1), (16, 48, 2), (64, 64, 1), (32, 48, 1), (5, 7, 1)],
    [Activation.identity, .relu, .gelu])
  func convolutions(_ size: (Int, Int, Int), activation: Activation) throws {
    let (inputs, outputs, stride) = size
    let store = ParameterStore(generator: try RandomGenerator(seed: 1))
    let convolution = try Conv2d(
      store.root / "conv", inputs, outputs, kernel: 3, stride: stride, padding: 1, bias: inputs == 5)
    let norm = try norm(store, outputs)
    try store.channelsLast()
    // Neither side is a multiple of a tile's 4 pixels, and 9 images are more than one group.
    let x = try images([9, inputs, 7, 6], 2)
    try withoutGradients {
      let plain = try norm(convolution(x), training: false)
      let residual = try images(plain.shape, 3)
      for precision in Precision.allCases {
        let fused = try FusedConvolution(convolution, norm, activation: activation, precision: precision)
        let tolerance = precision == .float32 ? 1e-5 : 0.03
        let found = try fused(x.to(precision.dtype))
        #expect(found.dtype == precision.dtype)
        #expect(deviation(try found.host().doubles(), try activation(plain).host().doubles()) < tolerance)
        let summed = try fused(x.to(precision.dtype), adding: residual.to(precision.dtype))
        let expected = try activation(plain + residual)
        #expect(deviation(try summed.host().doubles(), try expected.host().doubles()) < tolerance)
      }
    }
  }

  @Test func aConvolutionWithoutNormKeepsItsBias() throws {
    let store = ParameterStore(generator: try RandomGenerator(seed: 1))
    let convolution = try Conv2d(store.root / "conv", 3, 8, kernel: 4, stride: 4)
    let x = try images([2, 3, 8, 8], 2)
    let found = try FusedConvolution(convolution)(x).host().doubles()
    #expect(deviation(found, try convolution(x).detach().host().doubles()) < 1e-5)
  }

  @Test(arguments: [Activation.identity, .relu, .gelu], [true, false])
  func linearLayers(activation: Activation, bias: Bool) throws {
    let store = ParameterStore(generator: try RandomGenerator(seed: 1))
    let layer = try Linear(store.root, 48, 80, bias: bias)
    let x = try Tensor.normal(shape: [2, 9, 48], generator: store.generator)
    let residual = try Tensor.normal(shape: [2, 9, 80], generator: store.generator)
    try withoutGradients {
      for precision in Precision.allCases {
        let fused = try FusedLinear(layer, activation: activation, precision: precision, rows: 18)
        let tolerance = precision == .float32 ? 1e-5 : 0.03
        let found = try fused(x.to(precision.dtype))
        #expect(deviation(try found.host().doubles(), try activation(layer(x)).host().doubles()) < tolerance)
        let summed = try fused(x.to(precision.dtype), adding: residual.to(precision.dtype))
        let expected = try activation(layer(x) + residual)
        #expect(deviation(try summed.host().doubles(), try expected.host().doubles()) < tolerance)
      }
    }
  }

  @Test func aFusedLayerIsASnapshot() throws {
    let store = ParameterStore(generator: try RandomGenerator(seed: 1))
    let layer = try Linear(store.root, 16, 16)
    let x = try Tensor.ones(shape: [4, 16])
    let fused = try FusedLinear(layer)
    let before = try fused(x).host().floats()
    try layer.weight.copy(from: HostTensor(floats: [Float](repeating: 9, count: 256), shape: [16, 16]))
    try layer.bias?.copy(from: HostTensor(floats: [Float](repeating: 9, count: 16), shape: [16]))
    #expect(try fused(x).host().floats() == before)
  }
}

import SoupTensors
import SoupTorch
import Testing

/// A network that keeps its images in the cache says what its layers say one after another. Where the processor cannot run it there is
/// nothing to compare.
@Suite struct ConvolutionNetworkTests {
  private static let shapes: [(inputs: Int, outputs: Int, kernel: Int, stride: Int)] = [
    (1, 16, 3, 1), (3, 48, 3, 1), (4, 16, 3, 2), (2, 32, 1, 1), (16, 16, 3, 1), (32, 48, 3, 1), (48, 80, 3, 1),
    (128, 128, 3, 1), (16, 32, 3, 2), (48, 16, 3, 2), (16, 64, 1, 2), (64, 48, 1, 1),
  ]

  private func images(_ shape: [Int], _ seed: UInt64, scale: Double = 1) throws -> Tensor {
    try withoutGradients { try Tensor.normal(shape: shape, generator: RandomGenerator(seed: seed)) * scale }
  }

  private func norm(_ store: ParameterStore, _ name: String, _ channels: Int) throws -> BatchNorm2d {
    let norm = try BatchNorm2d(store.root / name, channels)
    for (tensor, low) in [(norm.weight, -1.0), (norm.bias, -1), (norm.runningMean, -1), (norm.runningVariance, 0.5)] {
      try tensor.copy(from: Tensor.uniform(shape: [channels], low: low, high: 2, generator: store.generator).host())
    }
    return norm
  }

  /// One layer, seen through the means of its pixels.
  @Test(arguments: shapes, [(7, 6), (4, 4), (1, 1), (13, 29), (28, 3)])
  func layers(_ layer: (inputs: Int, outputs: Int, kernel: Int, stride: Int), size: (Int, Int)) throws {
    let store = ParameterStore(generator: try RandomGenerator(seed: 1))
    let convolution = try Conv2d(
      store.root / "conv", layer.inputs, layer.outputs, kernel: layer.kernel, stride: layer.stride,
      padding: layer.kernel / 2, bias: layer.inputs == 3)
    let norm = try norm(store, "bn", layer.outputs)
    let x = try images([5, layer.inputs, size.0, size.1], 2)
    try withoutGradients {
      for relu in [false, true] {
        let plain = try norm(convolution(x), training: false)
        let expected = try (relu ? plain.relu() : plain).adaptiveAveragePool().flatten(from: 1).host().doubles()
        for rounding in [false, true] {
          guard let network = try ConvolutionNetwork(places: 2, rounding: rounding) else { continue }
          try network.append(convolution, norm, from: 0, to: 1, relu: relu)
          let found = try network.features(x)
          #expect(found.shape == [5, layer.outputs])
          #expect(deviation(try found.host().doubles(), expected) < (rounding ? 0.02 : 1e-5))
        }
      }
    }
  }

  /// Two blocks with a padded shortcut between them, as in ResNet-20.
  private func blocks(rounding: Bool) throws -> (ConvolutionNetwork, (Tensor) throws -> Tensor)? {
    guard let network = try ConvolutionNetwork(places: 7, rounding: rounding) else { return nil }
    let store = ParameterStore(generator: try RandomGenerator(seed: 7))
    func layer(_ name: String, _ inputs: Int, _ outputs: Int, stride: Int = 1) throws -> (Conv2d, BatchNorm2d) {
      (
        try Conv2d(store.root / name, inputs, outputs, kernel: 3, stride: stride, padding: 1, bias: false),
        try norm(store, name + "n", outputs)
      )
    }
    let stem = try layer("a", 3, 16)
    let first = try layer("b", 16, 16)
    let second = try layer("c", 16, 16)
    let down = try layer("d", 16, 32, stride: 2)
    let last = try layer("e", 32, 32)
    try network.append(stem.0, stem.1, from: 0, to: 1, relu: true)
    try network.append(first.0, first.1, from: 1, to: 2, relu: true)
    try network.append(second.0, second.1, from: 2, to: 1, adding: 1, relu: true)
    try network.appendShortcut(from: 1, to: 3, stride: 2, extra: 8)
    try network.append(down.0, down.1, from: 1, to: 4, relu: true)
    try network.append(last.0, last.1, from: 4, to: 3, adding: 3, relu: true)
    return (
      network,
      { x in
        func run(_ layer: (Conv2d, BatchNorm2d), _ x: Tensor) throws -> Tensor {
          try layer.1(layer.0(x), training: false)
        }
        let entry = try run(stem, x).relu()
        let middle = try (run(second, run(first, entry).relu()) + entry).relu()
        let shortcut = try middle.slice(2, step: 2).slice(3, step: 2).padded([0, 0, 0, 0, 8, 8])
        return try (run(last, run(down, middle).relu()) + shortcut).relu().adaptiveAveragePool().flatten(from: 1)
      }
    )
  }

  @Test(arguments: [false, true], [1e-3, 1, 1e4])
  func residualBlocks(rounding: Bool, scale: Double) throws {
    guard let (network, reference) = try blocks(rounding: rounding) else { return }
    try withoutGradients {
      // Two sizes in turn, row-major and with channels innermost.
      for shape in [[11, 3, 10, 14], [2, 3, 7, 5]] {
        let x = try images(shape, 8, scale: scale)
        let expected = try reference(x).host().doubles()
        let found = try network.features(x).host().doubles()
        #expect(deviation(found, expected) < (rounding ? 0.02 : 1e-5))
        #expect(try network.features(x.channelsLast()).host().doubles() == found)
      }
    }
  }

  @Test(arguments: [false, true])
  func anImageGetsTheSameBitsInAnyCompany(rounding: Bool) throws {
    guard let (network, _) = try blocks(rounding: rounding) else { return }
    let x = try images([37, 3, 12, 12], 9)
    let together = try network.features(x).host().floats()
    for index in [0, 5, 36] {
      let alone = try network.features(x.narrow(0, start: index, length: 1)).host().floats()
      #expect(alone == Array(together[32 * index..<32 * index + 32]))
    }
  }

  @Test func valuesThatAreNotNumbersStaySo() throws {
    guard let (network, _) = try blocks(rounding: false) else { return }
    let x = try withoutGradients { try images([6, 3, 8, 8], 10) }
    var values = try x.host().floats()
    values[2 * 192 + 77] = .nan
    let found = try network.features(Tensor(HostTensor(floats: values, shape: [6, 3, 8, 8]))).host().floats()
    for image in 0..<6 { #expect(found[32 * image..<32 * image + 32].contains { $0.isNaN } == (image == 2)) }
  }

  @Test func whatDoesNotFitIsRefused() throws {
    guard let network = try ConvolutionNetwork(places: 3) else { return }
    let store = ParameterStore(generator: try RandomGenerator(seed: 1))
    let convolution = try Conv2d(store.root / "a", 16, 16, kernel: 3, padding: 1)
    #expect(throws: TorchError.self) { try network.append(convolution, nil, from: 0, to: 3, relu: true) }
    #expect(throws: TorchError.self) { try network.append(convolution, nil, from: 1, to: 1, relu: true) }
    #expect(throws: TorchError.self) { try network.append(convolution, nil, from: 0, to: 1, adding: 0, relu: true) }
    let odd = try Conv2d(store.root / "b", 16, 24, kernel: 3, padding: 1)
    #expect(!ConvolutionNetwork.serves(odd))
    #expect(throws: TorchError.self) { try network.append(odd, nil, from: 0, to: 1, relu: true) }
    #expect(throws: TorchError.self) { try network.features(Tensor.ones(shape: [1, 16, 4, 4])) }  // no layers
    try network.append(convolution, nil, from: 0, to: 1, relu: true)
    #expect(throws: TorchError.self) { try network.features(Tensor.ones(shape: [1, 3, 4, 4])) }
    #expect(throws: TorchError.self) { try network.features(Tensor.ones(shape: [1, 16, 0, 4])) }
    #expect(try network.features(Tensor.ones(shape: [0, 16, 4, 4])).shape == [0, 16])
    try network.append(convolution, nil, from: 2, to: 1, relu: true)
    #expect(throws: TorchError.self) { try network.features(Tensor.ones(shape: [1, 16, 4, 4])) }
  }
}

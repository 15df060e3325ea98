import SoupTensors
import SoupTorch
import Testing

/// A transformer's block in one function says what its layers say one after another, and so do its gradients.
@Suite struct TransformerBlockTests {
  private struct Layers {
    let store: ParameterStore
    let norm1: LayerNorm
    let attention: MultiHeadAttention
    let norm2: LayerNorm
    let fc1: Linear
    let fc2: Linear

    init(width: Int, heads: Int, hidden: Int) throws {
      store = ParameterStore(generator: try RandomGenerator(seed: 5))
      norm1 = try LayerNorm(store.root / "norm1", width, epsilon: 1e-6)
      attention = try MultiHeadAttention(store.root / "attn", width: width, heads: heads)
      norm2 = try LayerNorm(store.root / "norm2", width, epsilon: 1e-6)
      fc1 = try Linear(store.root / "fc1", width, hidden)
      fc2 = try Linear(store.root / "fc2", hidden, width)
      for entry in store.entries {
        try entry.tensor.copy(
          from: Tensor.normal(shape: entry.tensor.shape, standardDeviation: 0.3, generator: store.generator).host())
      }
    }

    func layerByLayer(_ x: Tensor, _ tokens: Range<Int>) throws -> Tensor {
      let y = try x + attention(norm1(x))
      return try (y + fc2(fc1(norm2(y)).gelu())).narrow(1, start: tokens.lowerBound, length: tokens.count)
    }

    func together(_ x: Tensor, _ tokens: Range<Int>) throws -> Tensor {
      let weights = try #require(
        TransformerBlockWeights(norm1: norm1, attention: attention, norm2: norm2, fc1: fc1, fc2: fc2))
      return try x.transformerBlock(weights, tokens: tokens)
    }
  }

  /// The result and all gradients: the input's, then the parameters'.
  private func values(
    _ layers: Layers, _ start: Tensor, _ precision: Precision, _ block: (Tensor) throws -> Tensor
  ) throws -> [[Double]] {
    let x = try start.clone().requireGradient()
    let y = try withAutocast(precision) { try block(x) }
    #expect(y.dtype == .float32)
    let slope = try Tensor.normal(shape: y.shape, generator: RandomGenerator(seed: 9))
    try (y * slope).sum().backward()
    var found = try [y.detach().host().doubles(), #require(x.gradient).host().doubles()]
    for entry in layers.store.entries {
      found.append(try #require(entry.tensor.gradient, "\(entry.name)").host().doubles())
      entry.tensor.clearGradient()
    }
    return found
  }

  /// Widths that our kernels take, and some that they do not (heads of 12, 24 columns).
  @Test(
    arguments: [(48, 3, 96, 9), (64, 2, 128, 50), (32, 2, 16, 1), (36, 3, 72, 9), (24, 2, 48, 5)],
    [Precision.float32, .bfloat16])
  func isItsLayers(_ size: (Int, Int, Int, Int), precision: Precision) throws {
    let (width, heads, hidden, tokens) = size
    let layers = try Layers(width: width, heads: heads, hidden: hidden)
    let x = try Tensor.normal(shape: [7, tokens, width], generator: layers.store.generator)
    for range in [0..<tokens, 0..<1, tokens / 2..<tokens] {
      let found = try values(layers, x, precision) { try layers.together($0, range) }
      let expected = try values(layers, x, precision) { try layers.layerByLayer($0, range) }
      let tolerance = precision == .float32 ? 1e-5 : 0.03
      for (index, pair) in zip(found, expected).enumerated() {
        #expect(deviation(pair.0, pair.1) < tolerance, "\(range): \(index)")
      }
      let plain = try withoutGradients { try withAutocast(precision) { try layers.together(x, range) } }
      #expect(deviation(try plain.host().doubles(), found[0]) < tolerance)
    }
  }

  @Test func whatNeedsNoGradientGetsNone() throws {
    let layers = try Layers(width: 48, heads: 3, hidden: 96)
    for entry in layers.store.entries where !entry.name.hasPrefix("fc2") { try entry.tensor.requireGradient(false) }
    let x = try Tensor.normal(shape: [2, 5, 48], generator: layers.store.generator)
    try layers.together(x, 0..<5).sum().backward()
    for entry in layers.store.entries { #expect((entry.tensor.gradient != nil) == entry.name.hasPrefix("fc2")) }
  }

  @Test func tokensThatAreNotThereAreRefused() throws {
    let layers = try Layers(width: 48, heads: 3, hidden: 96)
    let x = try Tensor.zeros(shape: [2, 5, 48])
    for range in [0..<6, 2..<2, 5..<6] { #expect(throws: TorchError.self) { try layers.together(x, range) } }
  }
}

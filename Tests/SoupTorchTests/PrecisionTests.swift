import SoupTensors
import SoupTorch
import Testing

/// bfloat16 keeps 8 bits: results agree with float32 to a few times 2⁻⁸ of the largest value.
@Suite struct PrecisionTests {
  @Test func autocastMultipliesInBFloat16AndEndsWithItsBody() throws {
    let generator = try RandomGenerator(seed: 1)
    let x = try Tensor.normal(shape: [8, 32], generator: generator)
    let w = try Tensor.normal(shape: [16, 32], generator: generator)
    let exact = try x.linear(w)
    let rough = try withAutocast(.bfloat16) { try x.linear(w) }
    #expect(rough.dtype == .bfloat16)
    #expect(deviation(try rough.host().doubles(), try exact.host().doubles()) < 0.01)
    #expect(try withAutocast(.float32) { try x.linear(w).dtype } == .float32)
    _ = try? withAutocast(.bfloat16) { try x.matmul(x) }
    #expect(try x.linear(w).dtype == .float32)
    #expect(
      try withAutocast(.bfloat16) { try withAutocast(.float32) { try x.linear(w).dtype } } == .float32)
  }

  @Test func aChangedWeightIsSeenByTheNextAutocast() throws {
    let w = try Tensor.ones(shape: [2, 2]).requireGradient()
    let x = try Tensor.ones(shape: [1, 2])
    #expect(try withAutocast(.bfloat16) { try x.linear(w).sum().item() } == 4)
    try w.copy(from: HostTensor(floats: [3, 3, 3, 3], shape: [2, 2]))
    #expect(try withAutocast(.bfloat16) { try x.linear(w).sum().item() } == 12)
  }

  /// A layer in bfloat16 and in float32, values and gradients.
  private func compare(
    _ shape: [Int], within tolerance: Double = 0.02, _ layer: (Tensor) throws -> Tensor
  ) throws {
    let start = try Tensor.normal(shape: shape, generator: RandomGenerator(seed: 6)).to(.bfloat16)
    var results: [[Double]] = []
    for dtype in [DType.bfloat16, .float32] {
      let x = try start.to(dtype)
      let leaf = try (x.rank == 4 ? x.channelsLast() : x).clone().requireGradient()
      let y = try layer(leaf)
      #expect(y.dtype == dtype)
      try (y.to(.float32) * y.to(.float32)).sum().backward()
      results += [try y.detach().host().doubles(), try #require(leaf.gradient).host().doubles()]
    }
    #expect(deviation(results[0], results[2]) < tolerance)
    #expect(deviation(results[1], results[3]) < tolerance)
  }

  @Test func gelu() throws { try compare([999]) { try $0.gelu() } }

  @Test(arguments: [50, 7, 130])
  func attention(tokens: Int) throws { try compare([2, tokens, 3 * 2 * 32]) { try $0.attention(heads: 2) } }

  @Test(arguments: [false, true])
  func batchNorm(residual: Bool) throws {
    try compare([4, 32, 9, 7], within: 0.05) { x in
      let layer = try BatchNorm2d(ParameterStore(generator: RandomGenerator(seed: 0)).root, 32)
      return try layer(x, training: true, adding: residual ? x : nil, relu: true)
    }
  }

  @Test func nanStaysNaNInBFloat16() throws {
    let x = try Tensor([.nan, 1, -1, .infinity] + [Float](repeating: 0, count: 28), shape: [32]).to(.bfloat16)
    let y = try x.gelu().host().floats()
    #expect(y[0].isNaN && y[1] > 0 && y[3] == .infinity)
  }
}

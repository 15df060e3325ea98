import SoupTensors
import SoupTorch
import Testing

/// oneDNN's products against LibTorch's own.
@Suite struct LinearBackendTests {
  private struct Result {
    var output: [Double]
    var gradients: [[Double]]
  }

  private func run(_ backend: Torch.LinearBackend, shape: [Int], outputs: Int, bias: Bool) throws -> Result {
    try Torch.withLinearBackend(backend) {
      let generator = try RandomGenerator(seed: 11)
      let x = try Tensor.normal(shape: shape, generator: generator).requireGradient()
      let weight = try Tensor.normal(shape: [outputs, shape.last!], generator: generator).requireGradient()
      let shift = bias ? try Tensor.normal(shape: [outputs], generator: generator).requireGradient() : nil
      let y = try x.linear(weight, shift)
      try (y * y).sum().backward()
      return Result(
        output: try y.detach().host().doubles(),
        gradients: try [x, weight, shift].compactMap { $0 }.map { try #require($0.gradient).host().doubles() })
    }
  }

  @Test(arguments: [([37, 48], 80), ([2, 5, 96], 32), ([1, 16], 1), ([300, 200], 200)], [true, false])
  func valuesAndGradientsAgree(_ size: ([Int], Int), bias: Bool) throws {
    let ours = try run(.oneDNN, shape: size.0, outputs: size.1, bias: bias)
    let theirs = try run(.libtorch, shape: size.0, outputs: size.1, bias: bias)
    #expect(deviation(ours.output, theirs.output) < 1e-5)
    #expect(ours.gradients.count == theirs.gradients.count)
    for (a, b) in zip(ours.gradients, theirs.gradients) { #expect(deviation(a, b) < 1e-5) }
  }

  @Test func aViewIsTakenAsItIs() throws {
    let generator = try RandomGenerator(seed: 2)
    let wide = try Tensor.normal(shape: [6, 40], generator: generator)
    let weight = try Tensor.normal(shape: [20, 10], generator: generator)
    let found = try Torch.withLinearBackend(.oneDNN) {
      try wide.narrow(1, start: 10, length: 20).linear(weight.transpose(0, 1))
    }
    let expected = try wide.narrow(1, start: 10, length: 20).to(.float64).matmul(weight.to(.float64))
    #expect(deviation(try found.host().doubles(), try expected.host().doubles()) < 1e-6)
  }

  @Test func shapesThatDoNotFitAreStillRefused() throws {
    let x = try Tensor.ones(shape: [4, 5])
    #expect(throws: TorchError.self) { try x.linear(Tensor.ones(shape: [3, 6])) }
    #expect(throws: TorchError.self) { try x.linear(Tensor.ones(shape: [3, 5]), Tensor.ones(shape: [4])) }
  }
}

import SoupTensors
import SoupTorch
import Testing

@Suite struct AutogradTests {
  /// The gradient by central differences in float64.
  private func differences(_ x: [Double], shape: [Int], _ f: (Tensor) throws -> Tensor) throws -> [Double] {
    let h = 1e-5
    return try x.indices.map { i in
      var (up, down) = (x, x)
      up[i] += h
      down[i] -= h
      let high = try f(Tensor(HostTensor(doubles: up, shape: shape))).item()
      let low = try f(Tensor(HostTensor(doubles: down, shape: shape))).item()
      return (high - low) / (2 * h)
    }
  }

  private static let functions: [(String, @Sendable (Tensor) throws -> Tensor)] = [
    ("arithmetic", { try (($0 * $0 - 2 / ($0 + 3)) / 1.5 + (1 - $0) * 0.3).sum() }),
    ("matmul", { try $0.matmul($0.transpose(0, 1)).power(2).mean() }),
    ("unary", { try ($0.exp() + ($0 + 4).log() + ($0 + 4).squareRoot() + $0.tanh() + $0.sigmoid()).sum() }),
    ("gelu", { try $0.gelu().sum() }),
    ("softmax", { try ($0.softmax(over: 1) * $0).sum() }),
    ("logSoftmax", { try ($0.logSoftmax(over: 0) * $0).mean() }),
    (
      "shapes",
      { x in
        let parts = try Tensor.concatenated([x.narrow(1, start: 1, length: 2), x.slice(1, step: 2)], dimension: 1)
        return try (parts.permute([1, 0]).reshape([2, -1]) * parts.flatten().reshape([2, -1])).sum()
      }
    ),
    ("stack", { try Tensor.stacked([$0, $0 * 2], dimension: 0).select(0, index: 1).power(3).sum() }),
    (
      "pad and expand",
      { x in
        let wide = try x.unsqueeze(0).expand([2, -1, -1]).padded([1, 0, 0, 2], value: 0.5)
        return try (wide * wide).sum()
      }
    ),
    ("variance", { try $0.variance(over: [1], keepingDimensions: true).squeeze(1).power(2).sum() }),
    ("max", { try ($0.max(over: [1]) * $0.min(over: [0]).sum()).sum() }),
    ("clamp", { try ($0.clamped(to: -0.5...0.7) + $0.maximum($0 * 2).minimum($0 + 3)).sum() }),
  ]

  @Test(arguments: functions.map(\.0))
  func gradientsAreThoseOfCentralDifferences(_ name: String) throws {
    let function = try #require(Self.functions.first { $0.0 == name }).1
    let values = [0.31, -0.82, 1.13, 0.55, -1.4, 0.92, -0.11, 2.05, -0.63, 0.77, 1.61, -1.9]
    let x = try Tensor(HostTensor(doubles: values, shape: [3, 4])).requireGradient()
    try function(x).backward()
    let gradient = try #require(x.gradient).host().doubles()
    let expected = try withoutGradients { try differences(values, shape: [3, 4], function) }
    #expect(deviation(gradient, expected) < 1e-8, "\(gradient) \(expected)")
  }

  @Test func gradientsAddUpUntilCleared() throws {
    let x = try Tensor([1, 2], shape: [2]).requireGradient()
    #expect(x.gradient == nil)
    try (x * x).sum().backward()
    try (x * x).sum().backward()
    #expect(try x.gradient?.host().floats() == [4, 8])
    x.clearGradient()
    #expect(x.gradient == nil)
  }

  @Test func nothingIsRecordedInside() throws {
    let x = try Tensor([1, 2], shape: [2]).requireGradient()
    let y = try withoutGradients { try x * 2 }
    #expect(!y.requiresGradient)
    #expect(throws: TorchError.self) { try y.sum().backward() }
    #expect(try (x * 2).requiresGradient)
    #expect(try !(x * 2).detach().requiresGradient)
    // Also after an error.
    _ = try? withoutGradients { try x.matmul(Tensor.ones(shape: [5, 5])) }
    #expect(try (x * 2).requiresGradient)
  }
}

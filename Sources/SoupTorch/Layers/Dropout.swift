import CTorch
import SoupTensors

/// In training, sets each value to 0 with probability `rate` and scales the others by `1/(1 − rate)`.
/// - Source: Srivastava et al., 2014.
public final class Dropout {
  public let rate: Double
  private let generator: RandomGenerator

  /// Draws from the generator of the scope's store.
  public init(_ scope: Scope, rate: Double) throws {
    self.rate = try validated(rate, scope)
    generator = scope.store.generator
  }

  public func callAsFunction(_ x: Tensor, training: Bool) throws -> Tensor {
    guard training, rate > 0 else { return x }
    return try x * mask(shape: x.shape, rate: rate, like: x, generator)
  }
}

/// In training, drops the whole residual branch of an image with probability `rate` and scales the others by `1/(1 − rate)`.
/// - Source: Huang et al., 2016, arXiv:1603.09382 (stochastic depth).
public final class DropPath {
  public let rate: Double
  private let generator: RandomGenerator

  /// Draws from the generator of the scope's store.
  public init(_ scope: Scope, rate: Double) throws {
    self.rate = try validated(rate, scope)
    generator = scope.store.generator
  }

  /// `x` is `[N, …]`; one draw for each of the N.
  public func callAsFunction(_ x: Tensor, training: Bool) throws -> Tensor {
    guard training, rate > 0 else { return x }
    let shape = [x.shape[0]] + [Int](repeating: 1, count: x.rank - 1)
    return try x * mask(shape: shape, rate: rate, like: x, generator)
  }
}

private func validated(_ rate: Double, _ scope: Scope) throws -> Double {
  guard (0..<1).contains(rate) else {
    throw TorchError(code: .invalidArgument, message: "\(scope.path): a drop rate is in 0..<1, found \(rate)")
  }
  return rate
}

/// 0 with probability `rate`, otherwise `1/(1 − rate)`.
private func mask(shape: [Int], rate: Double, like x: Tensor, _ generator: RandomGenerator) throws -> Tensor {
  let kept = try Tensor.bernoulli(shape: shape, probability: 1 - rate, dtype: x.dtype, generator: generator)
  return try (kept / (1 - rate)).to(x.device)
}

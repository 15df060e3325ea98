import CTorch
import SoupTensors

/// Normalisation over the last dimension: `y = γ·(x − μ)/√(σ² + ε) + β`.
/// - Source: Ba et al., 2016, arXiv:1607.06450.
public final class LayerNorm {
  public let weight: Tensor
  public let bias: Tensor
  public let epsilon: Double

  /// Names `weight` (1) and `bias` (0). ViTs use ε = 1e-6, PyTorch's own default is 1e-5.
  public init(_ scope: Scope, _ width: Int, epsilon: Double = 1e-5) throws {
    weight = try scope.parameter("weight", shape: [width], .ones)
    bias = try scope.parameter("bias", shape: [width], .zeros)
    self.epsilon = epsilon
  }

  /// `[…, width]` → `[…, width]`
  public func callAsFunction(_ x: Tensor) throws -> Tensor { try x.layerNormalized(weight, bias, epsilon: epsilon) }
}

extension Tensor {
  /// Layer norm over the last dimension, with scale and shift of that size.
  public func layerNormalized(_ weight: Tensor, _ bias: Tensor, epsilon: Double) throws -> Tensor {
    try withExtendedLifetime(bias) { try make(weight) { ct_layer_norm($0, $1, bias.handle, epsilon, $2, $3) } }
  }
}

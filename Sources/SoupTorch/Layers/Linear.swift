import CTorch
import SoupTensors

/// `y = x·Wᵀ + b` over the last dimension.
public final class Linear {
  /// `[outputs, inputs]`
  public let weight: Tensor
  /// `[outputs]`
  public let bias: Tensor?

  /// Names `weight` and `bias`. Both are drawn as PyTorch draws them unless initialisers are given.
  public init(
    _ scope: Scope, _ inputs: Int, _ outputs: Int, bias: Bool = true,
    weight weightInitializer: Initializer? = nil, biasInitializer: Initializer? = nil
  ) throws {
    weight = try scope.parameter(
      "weight", shape: [outputs, inputs], weightInitializer ?? .torchDefault(fanIn: inputs))
    self.bias =
      bias ? try scope.parameter("bias", shape: [outputs], biasInitializer ?? .torchDefault(fanIn: inputs)) : nil
  }

  /// `[…, inputs]` → `[…, outputs]`
  public func callAsFunction(_ x: Tensor) throws -> Tensor { try x.linear(weight, bias) }
}

extension Tensor {
  /// `self · weightᵀ + bias` over the last dimension; weight `[outputs, inputs]`.
  ///
  /// On processors where oneDNN multiplies float32 matrices faster than MKL (`Torch.withLinearBackend`), this product and both
  /// products of its backward pass go to oneDNN.
  public func linear(_ weight: Tensor, _ bias: Tensor? = nil) throws -> Tensor {
    try withExtendedLifetime(bias) { try make(weight) { ct_linear($0, $1, bias?.handle, $2, $3) } }
  }
}

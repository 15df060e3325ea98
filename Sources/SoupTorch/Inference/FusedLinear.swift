import CTorch
import SoupTensors

/// A linear layer with its activation or a residual in the same pass, and a weight packed once. No gradients.
public final class FusedLinear {
  private let weight: Tensor
  private let bias: Tensor?
  private let activation: Activation
  private let fused: Bool

  /// Takes a snapshot of the layer's weights.
  /// - Parameter rows: number of rows (batch × tokens) as they will come, to pack the weight for; any other number works too.
  public init(
    _ layer: Linear, activation: Activation = .identity, precision: Precision = .float32, rows: Int = 0
  ) throws {
    self.activation = activation
    let plain = try layer.weight.detach().clone().to(precision.dtype)
    bias = try layer.bias?.detach().clone().to(precision.dtype)
    fused = plain.device.isCPU && ct_can_fuse(precision.dtype.torchCode)
    weight = fused ? try plain.make { ct_pack_linear($0, rows, $1, $2) } : plain
  }

  /// `[…, inputs]` → `[…, outputs]`, in the precision's dtype: `activation(x·Wᵀ + b + residual)`.
  public func callAsFunction(_ x: Tensor, adding residual: Tensor? = nil) throws -> Tensor {
    if fused, residual == nil || activation == .identity {
      return try withExtendedLifetime((self, residual)) {
        try x.make(weight) { ct_fused_linear($0, $1, bias?.handle, residual?.handle, activation.code, $2, $3) }
      }
    }
    return try withoutGradients {
      // A packed weight serves only the fused call, which leaves the residual out here.
      let y =
        fused
        ? try x.make(weight) { ct_fused_linear($0, $1, bias?.handle, nil, CT_IDENTITY, $2, $3) }
        : try x.linear(weight, bias)
      return try activation(residual.map { try y + $0 } ?? y)
    }
  }
}

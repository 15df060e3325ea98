import CTorch
import SoupTensors

/// The arithmetic of a forward pass. Weights, optimiser state and sums stay float32 either way.
public enum Precision: String, Codable, Sendable, CaseIterable {
  case float32 = "fp32"
  /// Convolutions, linear layers and attention in bfloat16, by PyTorch's autocast rules; norms and losses in float32.
  case bfloat16 = "bf16"

  public var dtype: DType {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    }
  }

  /// The faster of the two on this processor.
  public static var fastest: Precision { Torch.supportsFastBFloat16 ? .bfloat16 : .float32 }
}

/// Runs `body` under PyTorch's autocast. The low-precision copies of weights are made once and forgotten at the end, so
/// that an optimiser step between two calls is seen. Run `backward` outside, as in PyTorch.
public func withAutocast<R>(_ precision: Precision, device: Device = .cpu, _ body: () throws -> R) throws -> R {
  var previous = ct_autocast()
  try check { ct_autocast_enter(device.code, precision != .float32, CT_BF16, &previous, $0) }
  defer { ct_autocast_leave(device.code, previous) }
  return try body()
}

import CTorch
import SoupTensors

/// Convolutions for prediction that pass a few images through all layers before the next few, so that what one layer hands to the
/// next stays in the processor's cache. CPU with AVX-512; no gradients.
///
/// Layers read and write numbered places; images arrive in place 0, and the mean over the pixels of the last layer's place is the
/// result. 3x3 convolutions of stride 1 go by Winograd's algorithm F(4×4, 3×3), rounding errors about 1e-6 of the largest value;
/// with `rounding`, what is multiplied is rounded to bfloat16 and summed in float32, and what one layer hands to the next is float32.
public final class ConvolutionNetwork {
  private let handle: ct_network

  /// - Parameter rounding: multiply values rounded to bfloat16: half the time, errors below 1 % of the largest value in a layer.
  /// - Returns: nil where the processor has no instructions for it.
  public init?(places: Int, rounding: Bool = false) throws {
    guard ct_network_available(rounding) else { return nil }
    var made: ct_network?
    try check { ct_network_new(places, rounding, &made, $0) }
    guard let made else { return nil }
    handle = made
  }

  deinit { ct_network_free(handle) }

  /// Whether a convolution can be a layer: 1x1 or 3x3 with its border, stride 1 or 2, up to 128 channels, outputs in multiples of
  /// 16, inputs too or up to 4.
  public static func serves(_ convolution: Conv2d) -> Bool {
    let shape = convolution.weight.shape
    let geometry = convolution.geometry
    return convolution.weight.device.isCPU && shape[2] == shape[3] && geometry.padding == shape[2] / 2
      && geometry.dilation == 1 && geometry.groups == 1
      && ct_network_serves(shape[2], geometry.stride, shape[1], shape[0])
  }

  /// Appends `place[target] = relu?(norm(convolution(place[source])) + place[residual])`, a snapshot of their weights.
  ///
  /// The residual's place may be the target.
  public func append(
    _ convolution: Conv2d, _ norm: BatchNorm2d?, from source: Int, to target: Int, adding residual: Int? = nil,
    relu: Bool
  ) throws {
    let (weight, folded) = try FusedConvolution.folded(convolution, norm)
    let bias = try folded ?? Tensor.zeros(shape: [weight.shape[0]])
    try withExtendedLifetime((self, weight, bias)) {
      try check {
        ct_network_convolution(
          handle, source, target, residual ?? -1, weight.handle, bias.handle, convolution.geometry.stride, relu, $0)
      }
    }
  }

  /// Appends `place[target]` = every `stride`-th pixel of `place[source]`, with `extra` channels of zeros before and after its own.
  public func appendShortcut(from source: Int, to target: Int, stride: Int, extra: Int) throws {
    try withExtendedLifetime(self) { try check { ct_network_shortcut(handle, source, target, stride, extra, $0) } }
  }

  /// Images `[N, C, H, W]` in float32, of any size → `[N, D]`.
  public func features(_ images: Tensor) throws -> Tensor {
    try withExtendedLifetime(self) { try images.make { ct_network_features(handle, $0, $1, $2) } }
  }
}

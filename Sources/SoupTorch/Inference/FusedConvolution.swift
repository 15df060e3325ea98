import CTorch
import SoupTensors

/// A convolution with its batch norm folded in, and bias, residual and activation in the same pass. No gradients.
///
/// `y = activation(conv(x, W·γ/√(σ² + ε)) + β − μ·γ/√(σ² + ε) + residual)`. On the CPU oneDNN does it in one kernel with a
/// weight packed once, or Winograd's algorithm (float32, 3x3, stride 1, up to 128 channels; where there is AVX-512); elsewhere the same formula runs in steps.
public final class FusedConvolution {
  private let weight: Tensor
  private let bias: Tensor?
  private let geometry: ConvolutionGeometry
  private let activation: Activation
  private let method: Method
  /// oneDNN's convolutions of few channels in float32 lose more by finishing each row themselves than one more pass over the
  /// image costs (measured: 16 channels 1.4 times the time of the bare convolution, 32 channels 1.2, 64 channels 1.0).
  private let finishesApart: Bool

  private enum Method {
    /// Convolution, residual and activation one after another.
    case steps
    case oneDNN
    /// Our own, for 3x3 filters of stride 1 in float32: a quarter of the multiplications.
    case winograd
  }

  /// Takes a snapshot of a convolution's weights and of a batch norm's running statistics, which are folded in float32.
  /// - Parameter inputShape: `[N, C, H, W]` as it will come, to pack the weight for; any other shape works too.
  public init(
    _ convolution: Conv2d, _ norm: BatchNorm2d? = nil, activation: Activation = .identity,
    precision: Precision = .float32, inputShape: [Int] = []
  ) throws {
    geometry = convolution.geometry
    self.activation = activation
    var (weight, bias) = try Self.folded(convolution, norm)
    weight = try weight.to(precision.dtype)
    bias = try bias?.to(precision.dtype)
    let outputs = weight.shape[0]
    let plain = weight
    if precision == .float32, activation != .gelu, weight.device.isCPU, weight.shape[2...] == [3, 3],
      geometry == ConvolutionGeometry(padding: 1), ct_can_use_winograd(weight.shape[1], outputs)
    {
      method = .winograd
      weight = try plain.make { ct_pack_winograd($0, $1, $2) }
    } else if weight.device.isCPU && ct_can_fuse(precision.dtype.torchCode) {
      method = .oneDNN
      let geometry = self.geometry
      weight = try inputShape.withSizes { shape in
        try geometry.withSizes { stride, padding, dilation in
          try plain.make { ct_pack_conv2d($0, stride, padding, dilation, geometry.groups, shape, $1, $2) }
        }
      }
    } else {
      method = .steps
      weight = try weight.channelsLast()
    }
    finishesApart = precision == .float32 && activation != .gelu && outputs % 16 == 0 && outputs < 64
    self.weight = weight
    self.bias = bias
  }

  /// Weight and bias of a convolution that does what the convolution and the batch norm do.
  static func folded(_ convolution: Conv2d, _ norm: BatchNorm2d?) throws -> (weight: Tensor, bias: Tensor?) {
    let weight = try convolution.weight.detach()
    let bias = try convolution.bias?.detach()
    guard let norm else { return (weight, bias) }
    return try withoutGradients {
      let scale = try norm.weight.detach() / (norm.runningVariance + norm.epsilon).squareRoot()
      let shift = try norm.bias.detach() - norm.runningMean * scale
      let folded = try weight * scale.reshape([-1, 1, 1, 1])
      return (folded, try bias.map { try $0 * scale + shift } ?? shift)
    }
  }

  /// `[N, C, H, W]`, best with channels innermost, in the precision's dtype. `residual` has the shape of the result.
  public func callAsFunction(_ x: Tensor, adding residual: Tensor? = nil) throws -> Tensor {
    switch method {
    case .steps:
      return try withoutGradients {
        let y = try x.convolved(weight, bias, geometry)
        return try activation(residual.map { try y + $0 } ?? y)
      }
    case .winograd:
      return try withExtendedLifetime((bias, residual)) {
        try x.make(weight) { ct_winograd($0, $1, bias?.handle, residual?.handle, activation == .relu, $2, $3) }
      }
    case .oneDNN: break
    }
    if finishesApart {
      return try convolve(x, nil, nil, .identity).finished(bias: bias, adding: residual, relu: activation == .relu)
    }
    if residual != nil, activation == .gelu { return try convolve(x, bias, residual, .identity).gelu() }
    return try convolve(x, bias, residual, activation)
  }

  private func convolve(_ x: Tensor, _ bias: Tensor?, _ residual: Tensor?, _ activation: Activation) throws -> Tensor {
    try withExtendedLifetime((bias, residual)) {
      try geometry.withSizes { stride, padding, dilation in
        try x.make(weight) {
          ct_fused_conv2d(
            $0, $1, bias?.handle, residual?.handle, stride, padding, dilation, geometry.groups, activation.code, $2, $3)
        }
      }
    }
  }
}

/// What follows a linear map.
public enum Activation: Sendable, Hashable {
  case identity
  case relu
  /// The exact form, with `erf`.
  case gelu

  public func callAsFunction(_ x: Tensor) throws -> Tensor {
    switch self {
    case .identity: x
    case .relu: try x.relu()
    case .gelu: try x.gelu()
    }
  }

  var code: ct_activation {
    switch self {
    case .identity: CT_IDENTITY
    case .relu: CT_ACTIVATION_RELU
    case .gelu: CT_ACTIVATION_GELU
    }
  }
}

extension Tensor {
  /// In place on an image of the CPU with channels in multiples of 16: `relu(self + bias + residual)`. Returns self.
  func finished(bias: Tensor?, adding residual: Tensor?, relu: Bool) throws -> Tensor {
    try withExtendedLifetime((bias, residual)) {
      try check { ct_finish(handle, bias?.handle, residual?.handle, relu, $0) }
    }
    return self
  }
}

import CTorch
import SoupTensors

/// Convolution of images `[N, C, H, W]`.
public final class Conv2d {
  /// `[outputs, inputs / groups, kernel, kernel]`
  public let weight: Tensor
  /// `[outputs]`
  public let bias: Tensor?
  /// Stride, padding, dilation and groups.
  public let geometry: ConvolutionGeometry

  /// Names `weight` and `bias`. Both are drawn as PyTorch draws them unless initialisers are given.
  public init(
    _ scope: Scope, _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
    groups: Int = 1, bias: Bool = true, weight weightInitializer: Initializer? = nil,
    biasInitializer: Initializer? = nil
  ) throws {
    let fanIn = inputs / max(groups, 1) * kernel * kernel
    weight = try scope.parameter(
      "weight", shape: [outputs, inputs / max(groups, 1), kernel, kernel],
      weightInitializer ?? .torchDefault(fanIn: fanIn))
    self.bias =
      bias ? try scope.parameter("bias", shape: [outputs], biasInitializer ?? .torchDefault(fanIn: fanIn)) : nil
    geometry = ConvolutionGeometry(stride: stride, padding: padding, dilation: dilation, groups: groups)
  }

  /// `[N, inputs, H, W]` → `[N, outputs, H′, W′]`
  public func callAsFunction(_ x: Tensor) throws -> Tensor { try x.convolved(weight, bias, geometry) }
}

/// How a convolution moves over an image; the same along height and width.
public struct ConvolutionGeometry: Sendable, Hashable {
  public var stride: Int
  public var padding: Int
  public var dilation: Int
  public var groups: Int

  public init(stride: Int = 1, padding: Int = 0, dilation: Int = 1, groups: Int = 1) {
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
  }

  /// Stride, padding and dilation as `CTorch` takes them.
  func withSizes<R>(_ body: (_ stride: ct_sizes, _ padding: ct_sizes, _ dilation: ct_sizes) throws -> R) rethrows -> R {
    try [stride, stride].withSizes { stride in
      try [padding, padding].withSizes { padding in
        try [dilation, dilation].withSizes { dilation in try body(stride, padding, dilation) }
      }
    }
  }
}

extension Tensor {
  /// Convolution of `[N, C, H, W]` by `weight` `[outputs, C / groups, kernel, kernel]`.
  public func convolved(_ weight: Tensor, _ bias: Tensor?, _ geometry: ConvolutionGeometry) throws -> Tensor {
    try withExtendedLifetime(bias) {
      try geometry.withSizes { stride, padding, dilation in
        try make(weight) { ct_conv2d($0, $1, bias?.handle, stride, padding, dilation, geometry.groups, $2, $3) }
      }
    }
  }
}

import SoupTensors
import SoupTorch

/// A residual network: stem, residual blocks, mean over the image, linear classifier.
///
/// The three families differ in their stem, their shortcuts, their initialisation and their names; see `ResNet+He.swift`,
/// `ResNet+CIFAR.swift` and `ResNet+Vision.swift`. Batch norms have momentum 0.1 and ε 1e-5. Weights and activations are kept
/// with channels innermost.
/// - Source: He et al., 2015, arXiv:1512.03385.
public final class ResNet: Model {
  public let configuration: ModelConfiguration
  public let store: ParameterStore
  public let classifier: Linear?
  let network: Network

  /// The layers of a network before its classifier.
  struct Network {
    var stem: ConvolutionNorm
    /// Whether the stem ends in a 3x3 max pooling of stride 2.
    var poolsStem = false
    var blocks: [ResidualBlock] = []
  }

  /// - Throws: `ModelError` if the configuration is not a ResNet's.
  init(_ configuration: ModelConfiguration, generator: RandomGenerator, device: Device) throws {
    store = ParameterStore(generator: generator, device: device)
    self.configuration = configuration
    switch configuration.architecture.family {
    case .he(let blocks): (network, classifier) = try Self.he(configuration, blocks: blocks, store.root)
    case .cifar(let layout): (network, classifier) = try Self.cifar(configuration, layout, store.root)
    case .vision(let layout): (network, classifier) = try Self.vision(configuration, layout, store.root)
    case .transformer: throw ModelError(.invalidOption, "'\(configuration)' is not a ResNet")
    }
    try store.channelsLast()
  }

  public var batchNorms: [BatchNorm2d] { [network.stem.norm] + network.blocks.flatMap(\.batchNorms) }

  public func features(_ images: Tensor, training: Bool) throws -> Tensor {
    try configuration.check(images, anySize: true)
    var x = try network.stem(images.channelsInnermost(), training: training)  // [N, C₀, H, W]
    if network.poolsStem { x = try x.maxPool(size: 3, stride: 2, padding: 1) }
    for block in network.blocks { x = try block(x, training: training) }
    return try x.adaptiveAveragePool().flatten(from: 1)  // [N, D]
  }

  public func inference(precision: Precision, batchSize: Int) throws -> any InferenceModel {
    try CachedResNet(self, precision: precision, batchSize: batchSize)
      ?? FusedResNet(self, precision: precision, batchSize: batchSize)
  }
}

/// A convolution without bias and its batch norm.
struct ConvolutionNorm {
  let convolution: Conv2d
  let norm: BatchNorm2d
  /// Side of the kernel.
  let kernel: Int

  init(
    _ convolutionScope: Scope, _ normScope: Scope, _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1,
    weight: Initializer? = nil
  ) throws {
    convolution = try Conv2d(
      convolutionScope, inputs, outputs, kernel: kernel, stride: stride, padding: kernel / 2, bias: false,
      weight: weight)
    norm = try BatchNorm2d(normScope, outputs)
    self.kernel = kernel
  }

  /// `relu(norm(convolution(x)) + residual)`
  func callAsFunction(_ x: Tensor, training: Bool, adding residual: Tensor? = nil, relu: Bool = true) throws -> Tensor {
    try norm(convolution(x), training: training, adding: residual, relu: relu)
  }
}

/// Convolutions with norms and ReLUs between them, plus a shortcut around them: `relu(branch(x) + shortcut(x))`.
struct ResidualBlock {
  enum Shortcut {
    case identity
    /// Option A of He et al.: every second pixel, and new channels of zeros, `extra` on each side. No parameters.
    case padded(stride: Int, extra: Int)
    case projection(ConvolutionNorm)
  }

  let branch: [ConvolutionNorm]
  let shortcut: Shortcut

  var batchNorms: [BatchNorm2d] {
    guard case .projection(let projection) = shortcut else { return branch.map(\.norm) }
    return branch.map(\.norm) + [projection.norm]
  }

  func callAsFunction(_ x: Tensor, training: Bool) throws -> Tensor {
    let residual =
      switch shortcut {
      case .identity: x
      case .padded(let stride, let extra): try x.strided(stride, paddingChannels: extra)
      case .projection(let projection): try projection(x, training: training, relu: false)
      }
    var y = x
    for (index, layer) in branch.enumerated() {
      y = try layer(y, training: training, adding: index == branch.count - 1 ? residual : nil)
    }
    return y
  }
}

extension Tensor {
  /// Every `stride`-th pixel of `[N, C, H, W]`, with `extra` channels of zeros before and after the others.
  func strided(_ stride: Int, paddingChannels extra: Int) throws -> Tensor {
    try slice(2, step: stride).slice(3, step: stride).padded([0, 0, 0, 0, extra, extra])
  }

  /// The images with channels innermost. With one channel both memory formats are the same bytes, and LibTorch then takes
  /// the strides of the other one and runs the first layers in it; so the strides are spelled out.
  func channelsInnermost() throws -> Tensor {
    guard shape[1] == 1 else { return try channelsLast() }
    return try contiguous().reshape([shape[0], shape[2], shape[3], 1]).permute([0, 3, 1, 2])
  }
}

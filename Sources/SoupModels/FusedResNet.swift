import SoupTensors
import SoupTorch

/// A ResNet for prediction: every batch norm folded into its convolution, every ReLU and residual sum done by the convolution.
final class FusedResNet: InferenceModel {
  private let configuration: ModelConfiguration
  private let stem: FusedConvolution
  private let poolsStem: Bool
  private let blocks: [Block]
  private let classifier: FusedLinear?
  private let precision: Precision
  private let chunks: CacheChunks

  private struct Block {
    let branch: [FusedConvolution]
    let shortcut: Shortcut
  }

  private enum Shortcut {
    case identity
    case padded(stride: Int, extra: Int)
    case projection(FusedConvolution)
  }

  /// Takes a snapshot of the model's weights and running statistics.
  init(_ model: ResNet, precision: Precision, batchSize: Int) throws {
    configuration = model.configuration
    self.precision = precision
    poolsStem = model.network.poolsStem

    let size = configuration.imageSize
    let entrySize = model.network.stem.convolution.geometry.stride == 1 ? size : (size + 1) / 2
    chunks = CacheChunks(
      valuesPerImage: model.network.stem.norm.weight.count * entrySize * entrySize, precision: precision,
      batchSize: batchSize, device: model.store.device)
    var shape = [chunks.size, configuration.channels, size, size]

    // Shapes are followed so that each weight is packed for the image it will meet.
    func fuse(_ layer: ConvolutionNorm, _ shape: inout [Int], relu: Bool = true) throws -> FusedConvolution {
      let fused = try FusedConvolution(
        layer.convolution, layer.norm, activation: relu ? .relu : .identity, precision: precision, inputShape: shape)
      let stride = layer.convolution.geometry.stride
      shape = [shape[0], layer.norm.weight.count] + shape[2...].map { ($0 - 1) / stride + 1 }
      return fused
    }

    stem = try fuse(model.network.stem, &shape)
    if poolsStem { shape = shape[..<2] + shape[2...].map { ($0 - 1) / 2 + 1 } }
    var blocks: [Block] = []
    for block in model.network.blocks {
      var entry = shape
      let branch = try block.branch.enumerated().map { try fuse($1, &shape) }
      let shortcut: Shortcut =
        switch block.shortcut {
        case .identity: .identity
        case .padded(let stride, let extra): .padded(stride: stride, extra: extra)
        case .projection(let projection): .projection(try fuse(projection, &entry, relu: false))
        }
      blocks.append(Block(branch: branch, shortcut: shortcut))
    }
    self.blocks = blocks
    classifier = try model.classifier.map { [rows = chunks.size] in
      try FusedLinear($0, precision: precision, rows: rows)
    }
  }

  func callAsFunction(_ images: Tensor) throws -> Tensor {
    try configuration.check(images, anySize: true)
    return try withoutGradients { try chunks(images) { try classify(encode($0)).to(.float32) } }
  }

  func features(_ images: Tensor) throws -> Tensor {
    try configuration.check(images, anySize: true)
    return try withoutGradients { try chunks(images) { try encode($0).to(.float32) } }
  }

  /// Features → logits; features where there is no classifier.
  private func classify(_ features: Tensor) throws -> Tensor { try classifier.map { try $0(features) } ?? features }

  /// What the classifier sees, in the precision's dtype.
  private func encode(_ images: Tensor) throws -> Tensor {
    var x = try stem(images.to(precision.dtype).channelsInnermost())
    if poolsStem { x = try x.maxPool(size: 3, stride: 2, padding: 1) }
    for block in blocks {
      let residual =
        switch block.shortcut {
        case .identity: x
        case .padded(let stride, let extra): try x.strided(stride, paddingChannels: extra)
        case .projection(let projection): try projection(x)
        }
      for (index, layer) in block.branch.enumerated() {
        x = try layer(x, adding: index == block.branch.count - 1 ? residual : nil)
      }
    }
    return try x.adaptiveAveragePool().flatten(from: 1)  // [N, D]
  }
}

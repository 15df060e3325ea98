import SoupTensors
import SoupTorch

/// A ViT for prediction: weights packed, GELU and residual sums done by the linear layers.
final class FusedTransformer: InferenceModel {
  private let configuration: ModelConfiguration
  private let shape: TransformerShape
  private let precision: Precision
  private let patchWeight: Tensor
  private let patchBias: Tensor
  /// CLS token with its position, `[1, 1, D]`.
  private let classToken: Tensor
  /// Positions of the patches, `[1, L, D]`.
  private let positions: Tensor
  private let blocks: [Block]
  private let last: LastBlock?
  private let norm: Norm
  private let classifier: FusedLinear?
  private let chunks: CacheChunks

  /// Takes a snapshot of the model's weights.
  init(_ model: VisionTransformer, precision: Precision, batchSize: Int) throws {
    configuration = model.configuration
    shape = model.shape
    self.precision = precision
    let tokens = model.positions.shape[1]
    chunks = CacheChunks(
      valuesPerImage: tokens * shape.hiddenDimension, precision: precision, batchSize: batchSize,
      device: model.store.device)
    let batch = chunks.size
    let type = precision.dtype
    (patchWeight, patchBias, classToken, positions) = try withoutGradients {
      let first = try model.positions.narrow(1, start: 0, length: 1)
      return (
        try model.patchWeight.reshape([model.shape.dimension, -1]).snapshot(type), try model.patchBias.snapshot(type),
        try (model.classToken + first).snapshot(type),
        try model.positions.narrow(1, start: 1, length: tokens - 1).snapshot(type)
      )
    }
    let onlyFirst = shape.pooling == .cls
    blocks = try (onlyFirst ? model.blocks.dropLast() : model.blocks[...]).map {
      try Block($0, precision: precision, rows: batch * tokens)
    }
    last = try onlyFirst ? model.blocks.last.map { try LastBlock($0, precision: precision, batch: batch) } : nil
    norm = try Norm(model.norm)
    classifier = try model.classifier.map { [rows = batch] in try FusedLinear($0, precision: precision, rows: rows) }
  }

  func callAsFunction(_ images: Tensor) throws -> Tensor {
    try configuration.check(images, anySize: false)
    return try withoutGradients { try chunks(images) { try classify(encode($0)).to(.float32) } }
  }

  func features(_ images: Tensor) throws -> Tensor {
    try configuration.check(images, anySize: false)
    return try withoutGradients { try chunks(images) { try encode($0).to(.float32) } }
  }

  /// Features → logits; features where there is no classifier.
  private func classify(_ features: Tensor) throws -> Tensor { try classifier.map { try $0(features) } ?? features }

  /// What the classifier sees, in the precision's dtype.
  private func encode(_ images: Tensor) throws -> Tensor {
    let patches = try images.to(precision.dtype).patches(shape.patchSize).linear(patchWeight, patchBias) + positions
    let token = try classToken.expand([images.shape[0], 1, shape.dimension])
    var x = try Tensor.concatenated([token, patches], dimension: 1)  // [N, 1 + L, D]
    for block in blocks { x = try block(x) }
    if let last {
      x = try last(x).select(1, index: 0)
    } else {
      x = try x.narrow(1, start: 1, length: x.shape[1] - 1).mean(over: [1])
    }
    return try norm(x)  // [N, D]
  }

  /// A layer norm's values; its scale and shift stay float32 whatever it normalises.
  private struct Norm {
    let weight: Tensor
    let bias: Tensor
    let epsilon: Double

    init(_ norm: LayerNorm) throws {
      weight = try norm.weight.snapshot(.float32)
      bias = try norm.bias.snapshot(.float32)
      epsilon = norm.epsilon
    }

    func callAsFunction(_ x: Tensor) throws -> Tensor { try x.layerNormalized(weight, bias, epsilon: epsilon) }
  }

  /// The second half of a block.
  private struct MLP {
    let norm: Norm
    let fc1: FusedLinear
    let fc2: FusedLinear

    init(_ block: TransformerBlock, precision: Precision, rows: Int) throws {
      norm = try Norm(block.norm2)
      fc1 = try FusedLinear(block.fc1, activation: .gelu, precision: precision, rows: rows)
      fc2 = try FusedLinear(block.fc2, precision: precision, rows: rows)
    }

    func callAsFunction(_ x: Tensor) throws -> Tensor { try fc2(fc1(norm(x)), adding: x) }
  }

  /// All tokens → all tokens.
  private struct Block {
    let norm: Norm
    let qkv: FusedLinear
    let projection: FusedLinear
    let heads: Int
    let mlp: MLP

    init(_ block: TransformerBlock, precision: Precision, rows: Int) throws {
      norm = try Norm(block.norm1)
      qkv = try FusedLinear(block.attention.qkv, precision: precision, rows: rows)
      projection = try FusedLinear(block.attention.projection, precision: precision, rows: rows)
      heads = block.attention.heads
      mlp = try MLP(block, precision: precision, rows: rows)
    }

    func callAsFunction(_ x: Tensor) throws -> Tensor {
      try mlp(projection(qkv(norm(x)).attention(heads: heads), adding: x))
    }
  }

  /// All tokens → the first one, which is all that the classifier reads.
  private struct LastBlock {
    let norm: Norm
    let query: (weight: Tensor, bias: Tensor?)
    let keysAndValues: (weight: Tensor, bias: Tensor?)
    let projection: FusedLinear
    let heads: Int
    let mlp: MLP

    init(_ block: TransformerBlock, precision: Precision, batch: Int) throws {
      let qkv = block.attention.qkv
      let width = qkv.weight.shape[1]
      func part(_ start: Int, _ length: Int) throws -> (Tensor, Tensor?) {
        (
          try qkv.weight.narrow(0, start: start, length: length).snapshot(precision.dtype),
          try qkv.bias?.narrow(0, start: start, length: length).snapshot(precision.dtype)
        )
      }
      norm = try Norm(block.norm1)
      query = try part(0, width)
      keysAndValues = try part(width, 2 * width)
      projection = try FusedLinear(block.attention.projection, precision: precision, rows: batch)
      heads = block.attention.heads
      mlp = try MLP(block, precision: precision, rows: batch)
    }

    func callAsFunction(_ x: Tensor) throws -> Tensor {
      let (n, tokens, width) = (x.shape[0], x.shape[1], x.shape[2])
      let y = try norm(x)
      let first = try y.narrow(1, start: 0, length: 1).linear(query.weight, query.bias)
      let others = try y.linear(keysAndValues.weight, keysAndValues.bias)
      let attended = try first.attended(others, heads: heads, n, tokens, width)
      return try mlp(projection(attended, adding: x.narrow(1, start: 0, length: 1).contiguous()))
    }
  }
}

extension Tensor {
  /// A copy outside the autograd graph that later changes of the original do not reach.
  fileprivate func snapshot(_ dtype: DType) throws -> Tensor { try detach().clone().to(dtype) }
}

import SoupTensors
import SoupTorch

/// A vision transformer: patches become tokens, blocks of attention and MLP refine them, a linear classifier reads the CLS
/// token or the mean of the others.
///
/// Pre-norm blocks, bias on q, k and v, exact GELU, no layer scale. Names and initialisation of timm: weights of linear layers
/// and positions truncated normal with deviation 0.02, biases 0, CLS normal with deviation 1e-6, patch projection as PyTorch's
/// convolution.
/// - Source: Dosovitskiy et al., 2020, arXiv:2010.11929.
public final class VisionTransformer: Model {
  public let configuration: ModelConfiguration
  public let store: ParameterStore
  public let classifier: Linear?
  public var batchNorms: [BatchNorm2d] { [] }
  public let shape: TransformerShape
  /// `[1, 1, D]`
  let classToken: Tensor
  /// `[1, 1 + L, D]`, CLS first.
  let positions: Tensor
  /// A convolution's weight, `[D, C, p, p]`, since checkpoints hold one.
  let patchWeight: Tensor
  let patchBias: Tensor
  let blocks: [TransformerBlock]
  /// `norm` over the CLS token, or `fc_norm` over the mean of the patch tokens.
  let norm: LayerNorm

  /// - Throws: `ModelError` if the configuration is not a ViT's.
  init(_ configuration: ModelConfiguration, dropPath: Double, generator: RandomGenerator, device: Device) throws {
    guard let shape = configuration.transformer else {
      throw ModelError(.invalidOption, "'\(configuration)' is not a ViT")
    }
    let (width, patch, channels) = (shape.dimension, shape.patchSize, configuration.channels)
    store = ParameterStore(generator: generator, device: device)
    self.configuration = configuration
    self.shape = shape
    let root = store.root
    classToken = try root.parameter(
      "cls_token", shape: [1, 1, width], .normal(mean: 0, standardDeviation: 1e-6))
    let table = [1, 1 + shape.patchCount(imageSize: configuration.imageSize), width]
    switch shape.positions {
    case .learned:
      positions = try root.parameter("pos_embed", shape: table, .truncatedNormal(standardDeviation: 0.02))
    case .sinCos:
      let values = try sinCosPositions(dimension: width, grid: configuration.imageSize / patch)
      positions = try root.parameter("pos_embed", shape: table, .values(values), trained: false)
    }
    let projection = root / "patch_embed" / "proj"
    let usual = Initializer.torchDefault(fanIn: channels * patch * patch)
    patchWeight = try projection.parameter("weight", shape: [width, channels, patch, patch], usual)
    patchBias = try projection.parameter("bias", shape: [width], usual)
    blocks = try (0..<shape.depth).map { index in
      let rate = shape.depth > 1 ? dropPath * Double(index) / Double(shape.depth - 1) : dropPath
      return try TransformerBlock(root / "blocks" / index, shape, dropPath: rate)
    }
    norm = try LayerNorm(root / (shape.pooling == .cls ? "norm" : "fc_norm"), width, epsilon: shape.epsilon)
    classifier =
      configuration.classes == 0
      ? nil
      : try Linear(
        root / "head", width, configuration.classes, weight: .truncatedNormal(standardDeviation: 0.02),
        biasInitializer: .zeros)
  }

  public func features(_ images: Tensor, training: Bool) throws -> Tensor {
    let patches = try project(patches(of: images))
    let token = try classToken.expand([images.shape[0], 1, shape.dimension])
    var x = try Tensor.concatenated([token, patches], dimension: 1) + positions  // [N, 1 + L, D]
    switch shape.pooling {
    case .cls:
      // Of the last block only the CLS token is read, so only that token goes through it; its keys and values still come
      // from all tokens. The result is the same, and so are all gradients.
      for block in blocks.dropLast() { x = try block(x, training: training) }
      if let last = blocks.last { x = try last(x, tokens: 0..<1, training: training) }
      return try norm(x.select(1, index: 0))  // [N, D]
    case .mean:
      for block in blocks { x = try block(x, training: training) }
      return try norm(x.narrow(1, start: 1, length: x.shape[1] - 1).mean(over: [1]))  // [N, D]
    }
  }

  /// Patches of an image.
  public var patchCount: Int { shape.patchCount(imageSize: configuration.imageSize) }

  /// The images' patches in rows, each as the patch projection reads it: `[N, L, C·p·p]`.
  /// - Throws: `ModelError.imageShape`
  public func patches(of images: Tensor) throws -> Tensor {
    try configuration.check(images, anySize: false)
    return try images.patches(shape.patchSize)
  }

  /// Encodes some of an image's patches, as if the others were not there: each with its own position, the CLS token before
  /// them, through all blocks and the final norm.
  /// - Parameters:
  ///   - patches: `[N, L, C·p·p]`, as `patches(of:)` cuts them
  ///   - kept: positions of the patches to keep in the list of all N·L, `[N·K]` int64, an image's K together
  /// - Returns: `[N, 1 + K, D]`
  /// - Source: He et al., 2021, arXiv:2111.06377.
  public func tokens(_ patches: Tensor, keeping kept: Tensor, training: Bool) throws -> Tensor {
    let (n, l) = (patches.shape[0], patches.shape[1])
    let count = kept.count / max(n, 1)
    let places = try withoutGradients { try kept.placesInImage(images: n, patches: l).flatten() }
    // Patches are chosen before they are projected: what is not seen costs nothing.
    let visible = try project(patches.flatten(to: 1).indexSelect(0, indices: kept))  // [N·K, D]
    let table = try positions.narrow(1, start: 1, length: l).reshape([l, shape.dimension])
    let placed = try (visible + table.indexSelect(0, indices: places)).reshape([n, count, shape.dimension])
    let token = try (classToken + positions.narrow(1, start: 0, length: 1)).expand([n, 1, shape.dimension])
    var x = try Tensor.concatenated([token, placed], dimension: 1)
    for block in blocks { x = try block(x, training: training) }
    return try norm(x)
  }

  /// Patches `[…, C·p·p]` → tokens `[…, D]`.
  private func project(_ patches: Tensor) throws -> Tensor {
    try patches.linear(patchWeight.reshape([shape.dimension, -1]), patchBias)
  }

  public func inference(precision: Precision, batchSize: Int) throws -> any InferenceModel {
    try FusedTransformer(self, precision: precision, batchSize: batchSize)
  }
}

/// `x ← x + attn(norm1(x))`, then `x ← x + fc2(gelu(fc1(norm2(x))))`.
final class TransformerBlock {
  let norm1: LayerNorm
  let attention: MultiHeadAttention
  let norm2: LayerNorm
  let fc1: Linear
  let fc2: Linear
  private let dropPath: DropPath

  /// - Parameter initializer: of a linear layer's weight, by its inputs and outputs.
  init(
    _ scope: Scope, _ shape: TransformerShape, dropPath rate: Double,
    initializer: (_ inputs: Int, _ outputs: Int) -> Initializer = { _, _ in .truncatedNormal(standardDeviation: 0.02) }
  ) throws {
    let (width, hidden) = (shape.dimension, shape.hiddenDimension)
    norm1 = try LayerNorm(scope / "norm1", shape.dimension, epsilon: shape.epsilon)
    attention = try MultiHeadAttention(
      scope / "attn", width: width, heads: shape.heads, weight: initializer(width, 3 * width),
      projectionWeight: initializer(width, width), biasInitializer: .zeros)
    norm2 = try LayerNorm(scope / "norm2", shape.dimension, epsilon: shape.epsilon)
    fc1 = try Linear(
      scope / "mlp" / "fc1", width, hidden, weight: initializer(width, hidden), biasInitializer: .zeros)
    fc2 = try Linear(
      scope / "mlp" / "fc2", hidden, width, weight: initializer(hidden, width), biasInitializer: .zeros)
    dropPath = try DropPath(scope, rate: rate)
  }

  /// `[N, T, D]` → `[N, T, D]`
  func callAsFunction(_ x: Tensor, training: Bool) throws -> Tensor {
    try self(x, tokens: 0..<x.shape[1], training: training)
  }

  /// `[N, T, D]` → `[N, tokens.count, D]`: the block's results for some tokens, to which all give keys and values.
  func callAsFunction(_ x: Tensor, tokens: Range<Int>, training: Bool) throws -> Tensor {
    let weights = TransformerBlockWeights(norm1: norm1, attention: attention, norm2: norm2, fc1: fc1, fc2: fc2)
    if let weights, !training || dropPath.rate == 0 { return try x.transformerBlock(weights, tokens: tokens) }
    let attended = try attention(norm1(x)).narrow(1, start: tokens.lowerBound, length: tokens.count)
    let own = try x.narrow(1, start: tokens.lowerBound, length: tokens.count)
    let middle = try own + dropPath(attended, training: training)
    return try middle + dropPath(fc2(fc1(norm2(middle)).gelu()), training: training)
  }
}

extension Tensor {
  /// Attention of one query `[N, 1, D]` over keys and values `[N, T, 2·D]` → `[N, 1, D]`.
  func attended(_ keysAndValues: Tensor, heads: Int, _ n: Int, _ tokens: Int, _ width: Int) throws -> Tensor {
    let size = width / heads
    let query = try reshape([n, 1, heads, size]).transpose(1, 2)  // [N, h, 1, d]
    let split = try keysAndValues.reshape([n, tokens, 2, heads, size]).permute([2, 0, 3, 1, 4])  // [2, N, h, T, d]
    return try Tensor.attention(
      query: query, key: split.select(0, index: 0), value: split.select(0, index: 1)
    ).transpose(1, 2).reshape([n, 1, width])
  }

  /// Positions in the list of all images' patches, an image's together, as positions in their own image, counted from `first`:
  /// `[N, …]`.
  func placesInImage(images: Int, patches: Int, first: Int = 0) throws -> Tensor {
    let starts = try HostTensor(
      integers: (0..<Int64(images)).map { $0 * Int64(patches) - Int64(first) }, shape: [images, 1])
    return try reshape([images, -1]) - Tensor(starts, device: device)
  }

  /// Square patches of `[N, C, H, W]` in rows, each as a convolution's weight reads it: `[N, L, C·p·p]`.
  func patches(_ size: Int) throws -> Tensor {
    let (n, c, rows, columns) = (shape[0], shape[1], shape[2] / size, shape[3] / size)
    return try reshape([n, c, rows, size, columns, size]).permute([0, 2, 4, 1, 3, 5])
      .reshape([n, rows * columns, c * size * size])
  }
}

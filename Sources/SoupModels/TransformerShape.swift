/// The dimensions and choices of a vision transformer.
public struct TransformerShape: Sendable, Hashable {
  /// What the classifier sees.
  public enum Pooling: String, Codable, Sendable, CaseIterable {
    /// The CLS token after the final norm (`norm`).
    case cls
    /// The mean of the patch tokens, then a norm (`fc_norm`), as in MAE's fine-tuning and timm's `global_pool='avg'`.
    case mean
  }

  /// How tokens know where they are.
  public enum Positions: String, Codable, Sendable, CaseIterable {
    /// A trained table.
    case learned
    /// The fixed two-dimensional sine-cosine table of MAE; stored in checkpoints like the trained one.
    case sinCos = "sincos"
  }

  /// Side of a square patch in pixels.
  public var patchSize: Int
  /// Width of a token.
  public var dimension: Int
  /// Number of blocks.
  public var depth: Int
  /// Attention heads per block; they share the dimension.
  public var heads: Int
  /// Width of a block's hidden layer as a multiple of the dimension.
  public var mlpRatio: Double
  public var pooling: Pooling
  public var positions: Positions
  /// ε of every layer norm: 1e-6 in timm, MAE and MoCo v3; PyTorch's own default is 1e-5.
  public var epsilon: Double

  public init(
    patchSize: Int = 16, dimension: Int, depth: Int = 12, heads: Int, mlpRatio: Double = 4, pooling: Pooling = .cls,
    positions: Positions = .learned, epsilon: Double = 1e-6
  ) {
    self.patchSize = patchSize
    self.dimension = dimension
    self.depth = depth
    self.heads = heads
    self.mlpRatio = mlpRatio
    self.pooling = pooling
    self.positions = positions
    self.epsilon = epsilon
  }

  /// The usual dimensions of a named ViT, nil for other architectures. `vit` starts from those of `vit-tiny`.
  public init?(_ architecture: Architecture) {
    switch architecture {
    case .viT, .viTTiny: self.init(dimension: 192, heads: 3)
    case .viTSmall: self.init(dimension: 384, heads: 6)
    case .viTBase: self.init(dimension: 768, heads: 12)
    default: return nil
    }
  }

  /// Width of a block's hidden layer.
  public var hiddenDimension: Int { Int(Double(dimension) * mlpRatio) }

  /// Number of patches of a square image.
  public func patchCount(imageSize: Int) -> Int { (imageSize / patchSize) * (imageSize / patchSize) }

  /// What is wrong with these dimensions for that image, empty when nothing is.
  func problems(imageSize: Int) -> [String] {
    var problems: [String] = []
    for (name, value, limit) in [
      ("patch", patchSize, 1 << 10), ("dim", dimension, 1 << 14), ("depth", depth, 1 << 10), ("heads", heads, 1 << 10),
    ] where !(1...limit).contains(value) {
      problems.append("\(name)=\(value) is outside 1...\(limit)")
    }
    guard problems.isEmpty, imageSize > 0 else { return problems }
    if imageSize % patchSize != 0 {
      let fitting = (2...32).filter { imageSize % $0 == 0 && $0 < imageSize }.map(String.init)
      problems.append(
        "patches of \(patchSize) pixels do not tile an image of \(imageSize)"
          + (fitting.isEmpty ? "" : "; patch=\(fitting.joined(separator: ", ")) would"))
    }
    if dimension % heads != 0 { problems.append("dim=\(dimension) cannot be shared by heads=\(heads)") }
    if positions == .sinCos, dimension % 4 != 0 {
      problems.append("position=sincos needs dim to be a multiple of 4, found \(dimension)")
    }
    if !(mlpRatio > 0 && mlpRatio <= 64) || hiddenDimension < 1 { problems.append("mlp=\(mlpRatio) is outside 0...64") }
    if !(epsilon > 0 && epsilon < 1) { problems.append("eps=\(epsilon) is outside 0...1") }
    return problems
  }
}

import SoupTensors
import SoupTorch

/// The decoder of a masked autoencoder: from the tokens of the patches that an encoder saw to the pixels of those that it did not.
///
/// `x = [embed(tokens), mask token for each hidden patch] + fixed positions`, blocks, norm, a linear layer to C·p·p values for
/// each patch. Names of MAE: `mask_token`, `decoder_pos_embed`, `decoder_embed.…`, `decoder_blocks.i.…`, `decoder_norm.…`,
/// `decoder_pred.…`. Weights of linear layers are drawn by Xavier, biases are 0, the mask token is normal with deviation 0.02.
/// - Source: He et al., 2021, arXiv:2111.06377.
public final class MaskedDecoder {
  /// `[1, 1, D]`
  private let maskToken: Tensor
  /// `[1, 1 + L, D]`, CLS first; not trained.
  private let positions: Tensor
  private let embed: Linear
  private let blocks: [TransformerBlock]
  private let norm: LayerNorm
  private let prediction: Linear
  private let width: Int

  /// - Parameters:
  ///   - scope: where its names go; the root of a store of its own
  ///   - encoder: whose tokens it reads
  ///   - width, depth, heads: its own dimensions; `width` is a multiple of 4 and of `heads`
  /// - Throws: `ModelError.invalidOption` for dimensions that do not go together.
  public init(_ scope: Scope, for encoder: ModelConfiguration, width: Int, depth: Int, heads: Int) throws {
    guard let shape = encoder.transformer else {
      throw ModelError(.invalidOption, "'\(encoder)' is not a ViT: it has no patches to mask")
    }
    let own = TransformerShape(
      patchSize: shape.patchSize, dimension: width, depth: depth, heads: heads, mlpRatio: 4, positions: .sinCos)
    let problems = own.problems(imageSize: encoder.imageSize)
    guard problems.isEmpty else {
      throw ModelError(.invalidOption, "decoder: " + problems.joined(separator: "; "))
    }
    let grid = encoder.imageSize / shape.patchSize
    let pixels = encoder.channels * shape.patchSize * shape.patchSize
    func linear(_ name: String, _ inputs: Int, _ outputs: Int) throws -> Linear {
      try Linear(
        scope / name, inputs, outputs, weight: .xavierUniform(fanIn: inputs, fanOut: outputs), biasInitializer: .zeros)
    }
    self.width = width
    maskToken = try scope.parameter("mask_token", shape: [1, 1, width], .normal(mean: 0, standardDeviation: 0.02))
    positions = try scope.parameter(
      "decoder_pos_embed", shape: [1, 1 + grid * grid, width],
      .values(sinCosPositions(dimension: width, grid: grid)), trained: false)
    embed = try linear("decoder_embed", shape.dimension, width)
    blocks = try (0..<depth).map {
      try TransformerBlock(scope / "decoder_blocks" / $0, own, dropPath: 0) {
        .xavierUniform(fanIn: $0, fanOut: $1)
      }
    }
    norm = try LayerNorm(scope / "decoder_norm", width, epsilon: own.epsilon)
    prediction = try linear("decoder_pred", width, pixels)
  }

  /// Whether a checkpoint's parameter belongs to the decoder of a masked autoencoder.
  public static func isName(_ name: String) -> Bool { name == "mask_token" || name.hasPrefix("decoder_") }

  /// Width and number of blocks of a decoder in a checkpoint; the number of heads leaves no trace there.
  /// - Throws: `ModelError.notRecognised`
  public static func dimensions(of dict: StateDict) throws -> (width: Int, depth: Int) {
    guard let token = dict["mask_token"], token.shape.count == 3 else {
      throw ModelError(.notRecognised, "a masked autoencoder's decoder needs 'mask_token' of shape [1, 1, width]")
    }
    return (token.shape[2], dict.children(of: "decoder_blocks"))
  }

  /// Predicts the hidden patches.
  ///
  /// Attention and MLPs do not look at the order of tokens, only at the positions added to them. So the tokens stay in the
  /// order visible, hidden, and their fixed positions are looked up in that order; to put tokens themselves back into the
  /// order of the image, as the published code does, costs a gather and its backward pass and gives the same numbers.
  /// - Parameters:
  ///   - tokens: of CLS and the visible patches, `[N, 1 + K, E]`
  ///   - visible, hidden: positions of patches in the list of all N·L, `[N·K]` and `[N·(L − K)]` int64, an image's together
  /// - Returns: `[N, L − K, p·p·C]`, in the order of `hidden`; a patch's values row by row, the channels of a pixel together
  public func predict(_ tokens: Tensor, visible: Tensor, hidden: Tensor) throws -> Tensor {
    let (n, l) = (tokens.shape[0], positions.shape[1] - 1)
    let missing = hidden.count / n
    let order = try withoutGradients {
      let places = try [visible, hidden].map { try $0.placesInImage(images: n, patches: l, first: 1) }
      return try Tensor.concatenated(
        [Tensor.zeros(shape: [n, 1], dtype: .int64, device: tokens.device)] + places, dimension: 1)
    }
    let placed = try positions.reshape([1 + l, width]).indexSelect(0, indices: order.flatten()).reshape([
      n, 1 + l, width,
    ])
    let embedded = try embed(tokens)
    let masked = try maskToken.to(embedded.dtype).expand([n, missing, width])
    var x = try Tensor.concatenated([embedded, masked], dimension: 1) + placed  // [N, 1 + L, D]
    for block in blocks.dropLast() { x = try block(x, training: true) }
    // Of the last block only the hidden patches' results are read.
    let read = (1 + l - missing)..<(1 + l)
    if let last = blocks.last { x = try last(x, tokens: read, training: true) }
    return try prediction(norm(x))
  }
}

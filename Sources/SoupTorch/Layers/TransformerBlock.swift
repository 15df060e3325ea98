import CTorch

/// The layers of a transformer's block, all of which have biases.
public struct TransformerBlockWeights {
  let norm1: LayerNorm
  let attention: MultiHeadAttention
  let norm2: LayerNorm
  let fc1: Linear
  let fc2: Linear
  fileprivate let biases: (qkv: Tensor, projection: Tensor, fc1: Tensor, fc2: Tensor)

  /// Nil where a linear layer has no bias, or the norms differ in ε.
  public init?(norm1: LayerNorm, attention: MultiHeadAttention, norm2: LayerNorm, fc1: Linear, fc2: Linear) {
    guard norm1.epsilon == norm2.epsilon, let qkv = attention.qkv.bias, let projection = attention.projection.bias,
      let first = fc1.bias, let second = fc2.bias
    else { return nil }
    (self.norm1, self.attention, self.norm2, self.fc1, self.fc2) = (norm1, attention, norm2, fc1, fc2)
    biases = (qkv, projection, first, second)
  }
}

extension Tensor {
  /// `y = x + proj(attention(norm1(x)))`, then `y + fc2(gelu(fc1(norm2(y))))`: `[N, T, D]` → `[N, tokens.count, D]`.
  ///
  /// As its layers one after another, with the passes between their products put together: residuals with the norms that follow,
  /// biases' gradients with what they sum, conversions under autocast with both. Of the tokens that are not asked for only keys
  /// and values are made.
  /// - Throws: `TorchError` for a width that the heads cannot share, and tokens that are not there.
  public func transformerBlock(_ weights: TransformerBlockWeights, tokens: Range<Int>) throws -> Tensor {
    let (attention, biases) = (weights.attention, weights.biases)
    return try withExtendedLifetime(weights) {
      let handles = ct_block_weights(
        norm1: weights.norm1.weight.handle, shift1: weights.norm1.bias.handle, qkv: attention.qkv.weight.handle,
        qkv_bias: biases.qkv.handle, projection: attention.projection.weight.handle,
        projection_bias: biases.projection.handle, norm2: weights.norm2.weight.handle,
        shift2: weights.norm2.bias.handle, fc1: weights.fc1.weight.handle, fc1_bias: biases.fc1.handle,
        fc2: weights.fc2.weight.handle, fc2_bias: biases.fc2.handle)
      return try make {
        ct_transformer_block(
          $0, handles, attention.heads, weights.norm1.epsilon, tokens.lowerBound, tokens.count, $1, $2)
      }
    }
  }
}

import CTorch
import SoupTensors

/// Self-attention: `proj(softmax(q·kᵀ/√d)·v)` per head, with q, k and v from one projection, named as in timm.
/// - Source: Vaswani et al., 2017, arXiv:1706.03762.
public final class MultiHeadAttention {
  /// `width → 3 · width`, in the order q, k, v.
  public let qkv: Linear
  public let projection: Linear
  public let heads: Int

  /// Names `qkv.…` and `proj.…`.
  /// - Parameters:
  ///   - weight: first values of the projection to q, k and v
  ///   - projectionWeight: of the one at the end; `weight` when nil
  public init(
    _ scope: Scope, width: Int, heads: Int, qkvBias: Bool = true, weight: Initializer? = nil,
    projectionWeight: Initializer? = nil, biasInitializer: Initializer? = nil
  ) throws {
    guard heads > 0, width % heads == 0 else {
      throw TorchError(
        code: .invalidArgument, message: "\(scope.path): a width of \(width) cannot be shared by \(heads) heads")
    }
    qkv = try Linear(
      scope / "qkv", width, 3 * width, bias: qkvBias, weight: weight, biasInitializer: biasInitializer)
    projection = try Linear(
      scope / "proj", width, width, weight: projectionWeight ?? weight, biasInitializer: biasInitializer)
    self.heads = heads
  }

  /// `[N, tokens, width]` → `[N, tokens, width]`
  public func callAsFunction(_ x: Tensor) throws -> Tensor {
    try projection(qkv(x).attention(heads: heads))
  }
}

extension Tensor {
  /// Scaled-dot-product attention of `[N, tokens, 3 · width]` (q, k, v one after another, each of all heads) → `[N, tokens, width]`.
  public func attention(heads: Int) throws -> Tensor { try make { ct_attention_packed($0, heads, $1, $2) } }

  /// Scaled-dot-product attention of queries, keys and values `[N, heads, tokens, d]`.
  public static func attention(query: Tensor, key: Tensor, value: Tensor) throws -> Tensor {
    try withExtendedLifetime(value) { try query.make(key) { ct_attention($0, $1, value.handle, $2, $3) } }
  }
}

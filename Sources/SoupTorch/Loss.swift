import CTorch
import SoupTensors

/// Mean over the batch of `−Σ_c target_c · log softmax(logits)_c`.
/// - Parameters:
///   - logits: `[N, C]`
///   - labels: class indices (int64, `[N]`) or probabilities (`[N, C]`, as mixup makes them)
///   - labelSmoothing: share of every target that is spread evenly over all C classes
public func crossEntropy(_ logits: Tensor, labels: Tensor, labelSmoothing: Double = 0) throws -> Tensor {
  try logits.make(labels) { ct_cross_entropy($0, $1, labelSmoothing, $2, $3) }
}

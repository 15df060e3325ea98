/// Model stock: `θ = t · mean(θᵢ) + (1 − t) · θ₀` with `t = N c / (1 + (N − 1) c)`, where c is the mean cosine of the
/// angles between the N task vectors of a parameter.
///
/// t is not clamped: task vectors that point away from each other (c < 0) extrapolate beyond the base. Where they cancel
/// (`1 + (N − 1) c < 1e-6`), and where nothing was changed, the result is the base.
/// - Source: Jang et al., *Model stock: all we need is just a few fine-tuned models*, 2024, arXiv:2403.19522. mergekit
///   shrinks the cosine of task vectors shorter than 1e-3; here it is exact.
public struct ModelStock: CombinationMethod {
  public let members: [Int]
  public let base: Int?
  public let extent: VectorExtent

  /// - Parameters:
  ///   - members: at least two fine-tuned ingredients.
  ///   - extent: `.rows` finds a ratio for every vector along the last axis.
  public init(members: [Int], base: Int, extent: VectorExtent = .tensor) throws(MixError) {
    guard members.count >= 2 else {
      throw MixError(.invalidRecipe, "model stock needs a base and at least two models; here are \(members.count)")
    }
    self.members = members
    self.base = base
    self.extent = extent
  }

  public func coefficients(_ products: Products) -> [Double] {
    let n = Double(members.count)
    var sum = 0.0
    for i in members.indices {
      for j in members.indices.dropFirst(i + 1) {
        let lengths = products.norm(i) * products.norm(j)
        sum += lengths > 0 ? min(1, max(-1, products[i, j] / lengths)) : 0
      }
    }
    let cosine = sum / (n * (n - 1) / 2)
    let divisor = 1 + (n - 1) * cosine
    let ratio = divisor < 1e-6 ? 0 : n * cosine / divisor
    return Array(repeating: ratio / n, count: members.count)
  }
}

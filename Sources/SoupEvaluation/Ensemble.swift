import SoupTensors

/// An ensemble by mean logits: `f(x) = (1/k) · Σᵢ fᵢ(x)`, summed in Float64. It costs `k` forward passes.
/// - Source: Wortsman et al., 2022, arXiv:2203.05482, table 2 (outputs are not normalised before the mean).
public enum Ensemble {
  /// - Parameter logits: of each member, all `[N, classes]`.
  /// - Returns: `[N, classes]` float32.
  /// - Throws: `EvaluationError.Code.shape` for no members or different shapes.
  public static func logits(_ logits: [HostTensor]) throws -> HostTensor {
    guard let shape = logits.first?.shape, logits.allSatisfy({ $0.shape == shape }) else {
      throw EvaluationError(
        .shape, "an ensemble needs members with logits of one shape, found \(logits.map(\.shape))")
    }
    var sums = [Double](repeating: 0, count: shape.reduce(1, *))
    for member in logits {
      for (index, value) in member.floats().enumerated() { sums[index] += Double(value) }
    }
    return try HostTensor(floats: sums.map { Float($0 / Double(logits.count)) }, shape: shape)
  }
}

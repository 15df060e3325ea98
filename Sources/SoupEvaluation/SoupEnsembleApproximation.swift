import SoupTensors

/// Why a soup of two models does better or worse than their ensemble, to second order:
///
/// `L_soup − L_ens ≈ α(1−α)/2 · ( −d²L_soup/dα² + β² E_x Var_{Y ~ softmax(β f(x; θ_α))}[Δf_Y(x)] )`
///
/// with `θ_α = (1−α) θ₀ + α θ₁`, `Δf = f(·; θ₁) − f(·; θ₀)` and losses at inverse temperature β. The first term is the curvature of the
/// soup's loss along the segment, which helps the soup; the second, the disagreement of the ends, helps the ensemble. For a model that is
/// linear in its parameters both losses are equal and the terms cancel.
/// - Source: Wortsman et al., 2022, arXiv:2203.05482, section 4.
public struct SoupEnsembleApproximation: Codable, Sendable, Hashable {
  public var alpha: Double
  public var beta: Double
  /// Cross-entropy in nats at β.
  public var soupLoss: Double
  public var ensembleLoss: Double
  /// `−α(1−α)/2 · d²L_soup/dα²`
  public var curvatureTerm: Double
  /// `α(1−α)/2 · β² E Var[Δf]`
  public var varianceTerm: Double

  /// The approximation of `L_soup − L_ens`.
  public var estimate: Double { curvatureTerm + varianceTerm }
  /// The true difference.
  public var difference: Double { soupLoss - ensembleLoss }

  /// From logits `[N, classes]` of the ends and of the soups at α − h, α and α + h; the curvature is
  /// `(L(α+h) − 2 L(α) + L(α−h)) / h²`.
  /// - Parameters:
  ///   - step: h; its error falls with h², and that of rounding rises with 1/h²: 0.1 suits logits in Float32.
  /// - Throws: `EvaluationError.Code.shape` if shapes and labels do not agree or a logit is not finite.
  public init(
    alpha: Double, step: Double, beta: Double, ends: (HostTensor, HostTensor),
    soups: (before: HostTensor, at: HostTensor, after: HostTensor), labels: [Int]
  ) throws(EvaluationError) {
    let (first, second) = (try LogitRows(ends.0, labels: labels), try LogitRows(ends.1, labels: labels))
    let soup = try LogitRows(soups.at, labels: labels)
    let (before, after) = (try LogitRows(soups.before, labels: labels), try LogitRows(soups.after, labels: labels))
    guard [first, second, before, after].allSatisfy({ $0.classes == soup.classes }) else {
      throw EvaluationError(.shape, "the logits have different numbers of classes")
    }
    let ensemble = LogitRows(
      values: zip(first.values, second.values).map { (1 - alpha) * $0 + alpha * $1 }, of: first)
    self.alpha = alpha
    self.beta = beta
    soupLoss = soup.loss(beta: beta)
    ensembleLoss = ensemble.loss(beta: beta)
    let curvature = (after.loss(beta: beta) - 2 * soupLoss + before.loss(beta: beta)) / (step * step)
    let weight = alpha * (1 - alpha) / 2
    curvatureTerm = -weight * curvature
    varianceTerm =
      weight * beta * beta * soup.variance(of: zip(second.values, first.values).map { $0 - $1 }, beta: beta)
  }

  private enum CodingKeys: String, CodingKey {
    case alpha, beta
    case soupLoss = "soup_loss"
    case ensembleLoss = "ensemble_loss"
    case curvatureTerm = "curvature_term"
    case varianceTerm = "variance_term"
  }
}

extension LogitRows {
  fileprivate init(values: [Double], of other: LogitRows) {
    self.values = values
    classes = other.classes
    labels = other.labels
  }
}

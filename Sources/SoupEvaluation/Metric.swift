/// Which number of a score decides, in a search or a comparison.
public enum Metric: String, Codable, Sendable, CaseIterable {
  case top1
  case top5
  case loss
  case ece
  /// The accuracy of a vote of the nearest neighbours; the scorer's model is a `NeighbourNetwork`.
  case knn
  /// The number that a scoring program gave; higher is better.
  case external
  /// The number that a scoring program gave; lower is better.
  case externalLoss = "external-loss"

  /// The value, turned so that higher is better. NaN becomes -∞: a broken model never wins.
  public func quality(of score: Score) -> Double {
    let value = self.value(of: score)
    guard !value.isNaN else { return -.infinity }
    return switch self {
    case .top1, .top5, .knn, .external: value
    case .loss, .ece, .externalLoss: -value
    }
  }

  /// The value as it stands in the score.
  public func value(of score: Score) -> Double {
    switch self {
    case .top1, .knn: score.top1
    case .top5: score.top5
    case .loss: score.loss
    case .ece: score.ece
    case .external, .externalLoss: score.external ?? .nan
    }
  }
}

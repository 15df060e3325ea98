/// Which number of a score decides, in a search or a comparison.
public enum Metric: String, Codable, Sendable, CaseIterable {
  case top1
  case top5
  case loss
  case ece

  /// The value, turned so that higher is better. NaN becomes -∞: a broken model never wins.
  public func quality(of score: Score) -> Double {
    let value =
      switch self {
      case .top1: score.top1
      case .top5: score.top5
      case .loss: -score.loss
      case .ece: -score.ece
      }
    return value.isNaN ? -.infinity : value
  }
}

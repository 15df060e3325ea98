/// What a soup of two models gains over them. Always says which: of what measure, over which parent.
///
/// With soup s and parents a, b: `accuracy_s − max(accuracy_a, accuracy_b)` in points, or `min(loss_a, loss_b) − loss_s` in nats; over
/// the mean parent with the mean in place of the best. Above 0 the soup is better.
/// - Source: Ghyselincks et al., *When is Model Souping Tasty?*, 2026; its text uses both measures.
public struct SoupGain: Sendable, Hashable, Codable {
  public enum Measure: String, Sendable, Hashable, Codable, CaseIterable {
    case accuracy, loss
    case corruptedAccuracy = "corrupted-accuracy"
    case corruptedLoss = "corrupted-loss"

    /// Losses are better when lower.
    public var isLoss: Bool { self == .loss || self == .corruptedLoss }
  }

  public enum Parent: String, Sendable, Hashable, Codable, CaseIterable { case best, mean }

  public var measure: Measure
  public var parent: Parent

  public init(_ measure: Measure = .accuracy, over parent: Parent = .best) {
    self.measure = measure
    self.parent = parent
  }

  /// `accuracy over the best parent, in points`.
  public var title: String {
    "\(measure.rawValue.replacing("-", with: " ")) over the \(parent.rawValue) parent, in \(measure.isLoss ? "nats" : "points")"
  }

  /// The gain; nil where the soup or a parent has no such score.
  public func value(_ pair: PairTable.Pair, in table: PairTable) -> Double? {
    guard let own = score(pair.scores), let a = score(table.models[pair.a].scores),
      let b = score(table.models[pair.b].scores)
    else { return nil }
    let reference: Double =
      switch parent {
      case .best: measure.isLoss ? min(a, b) : max(a, b)
      case .mean: (a + b) / 2
      }
    return measure.isLoss ? reference - own : own - reference
  }

  private func score(_ scores: PairTable.Scores) -> Double? {
    switch measure {
    case .accuracy: scores.accuracy
    case .loss: scores.loss
    case .corruptedAccuracy: scores.corruptedAccuracy
    case .corruptedLoss: scores.corruptedLoss
    }
  }

  /// Differences of accuracies with two decimals are not exact: 0 in the table may be 10⁻¹⁴ here.
  public static let tolerance = 1e-9

  /// Whether a gain is above a threshold, strictly.
  public static func isAbove(_ gain: Double, _ threshold: Double = 0) -> Bool { gain > threshold + tolerance }
}

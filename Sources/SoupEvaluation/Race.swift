import Foundation

/// Watches a candidate from image to image and says when it has lost.
///
/// With certainty: for accuracies, when all remaining images being right would not be enough; for the loss, whose terms are
/// never negative, when their sum is above the bar's already. What remains is then not worth a look, and the decision is the
/// same as after all of them.
///
/// With a stated risk δ, for top-1 on images in random order: of the `D` images so far on which candidate and bar differ in
/// being right, the candidate was the worse on `l > D/2`. Were it as good on all images, then
/// `P(l or more) ≤ exp(−D · KL(l/D ‖ 1/2))`, by Chernoff's bound, which holds for draws without replacement too. The j-th
/// look stops when that is at most `δ/(j(j + 1))`; these sum to δ. So a candidate that would pass is rejected with
/// probability δ at most.
/// - Source: Hoeffding, 1963, theorems 1 and 4.
public struct Race: Sendable {
  private let bar: Bar
  private let count: Int
  private var seen = 0
  private var sum = 0.0
  private var better = 0
  private var worse = 0
  private var looks = 0
  private var isHopeless = false

  /// - Parameter count: images in all.
  public init(_ bar: Bar, count: Int) {
    self.bar = bar
    self.count = count
  }

  /// Images seen.
  public var images: Int { seen }

  /// Takes the score of some more images.
  /// - Parameters:
  ///   - better: images on which the candidate is right and the bar's recipe is not; for a risky bar.
  ///   - worse: those the other way round.
  public mutating func add(_ score: Score, better: Int = 0, worse: Int = 0) {
    seen += score.count
    self.better += better
    self.worse += worse
    let value = bar.metric.value(of: score)
    if value.isNaN { isHopeless = true }
    // Counts, not fractions: whole numbers have no rounding.
    sum +=
      bar.metric == .loss ? value * Double(score.count) : (value * Double(score.count)).rounded()
    looks += 1
  }

  /// Whether the candidate cannot pass any more.
  public var isLost: Bool {
    guard bar.stopping != .never, bar.metric.quality(of: bar.score) > -.infinity else { return false }
    if isHopeless { return true }
    switch bar.metric {
    case .top1, .top5, .knn:
      let most = (sum + Double(count - seen)) / Double(count)
      let goal = bar.metric.value(of: bar.score)
      if bar.isStrict ? most <= goal : most < goal { return true }
    case .loss:
      // Sums in another order differ by rounding; what is lost by no more than that is decided at the end.
      if sum / Double(count) > bar.score.loss * (1 + 1e-9) { return true }
    case .ece, .external, .externalLoss: return false
    }
    guard case .risky(let risk) = bar.stopping, bar.metric == .top1, worse > better else { return false }
    let share = Double(worse) / Double(better + worse)
    var divergence = share * log(2 * share)
    if share < 1 { divergence += (1 - share) * log(2 * (1 - share)) }
    return Double(better + worse) * divergence >= log(Double(looks * (looks + 1)) / risk)
  }
}

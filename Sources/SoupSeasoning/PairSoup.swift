import SoupEvaluation
import SoupMixing

/// The best soup of two ingredients: `(1 − α) a + α b` over a grid of α, and if asked around the best by golden section.
///
/// Every point is scored in full, so that the result is the whole curve. Golden section assumes one peak between the best
/// point's neighbours; a point of it counts only if it is better than the grid's best.
public struct PairSoup: Codable, Sendable, Hashable {
  /// Points of the grid over 0…1, both ends included; at least 2.
  public var points: Int
  /// Evaluations of golden section after the grid.
  public var refinements: Int
  public var metric: Metric

  public init(points: Int = 11, refinements: Int = 0, metric: Metric = .top1) {
    self.points = points
    self.refinements = refinements
    self.metric = metric
  }

  /// - Parameter progress: called after every evaluation.
  /// - Throws: `SeasoningError`; what the scorer throws.
  public func season(
    _ a: String, _ b: String, with scorer: some Scorer,
    progress: (PairResult.Point, _ done: Int) throws -> Void = { _, _ in }
  ) throws -> PairResult {
    try SeasoningError.check(ingredients: [a, b])
    guard points >= 2, refinements >= 0 else {
      throw SeasoningError(
        .badConfiguration, "a sweep needs at least 2 points and 0 refinements, found \(points) and \(refinements)")
    }
    var curve: [PairResult.Point] = []
    func quality(_ alpha: Double) throws -> Double {
      // The ends are the ingredients themselves, whose scores a scorer may know.
      let recipe = alpha == 0 ? .uniform([a]) : alpha == 1 ? .uniform([b]) : Recipe.interpolate(a, b, alpha: alpha)
      let point = PairResult.Point(alpha: alpha, score: try scorer.score(recipe))
      curve.append(point)
      try progress(point, curve.count)
      return metric.quality(of: point.score)
    }
    let grid = (0..<points).map { Double($0) / Double(points - 1) }
    let values = try grid.map(quality)
    let best = values.indices.max { values[$0] < values[$1] || (values[$0] == values[$1] && $0 > $1) } ?? 0
    try refine(from: grid[max(0, best - 1)], to: grid[min(points - 1, best + 1)], quality)
    let winner = curve.indices.max {
      let (left, right) = (metric.quality(of: curve[$0].score), metric.quality(of: curve[$1].score))
      return left < right || (left == right && $0 > $1)
    }
    guard let winner, metric.quality(of: curve[winner].score) > -.infinity else {
      throw SeasoningError(
        .noFiniteScore, "no mixture has a finite \(metric.rawValue); look at the ingredients' weights")
    }
    return PairResult(
      configuration: self, paths: [a, b], points: curve.sorted { $0.alpha < $1.alpha }, alpha: curve[winner].alpha,
      score: curve[winner].score)
  }

  private func refine(from start: Double, to end: Double, _ quality: (Double) throws -> Double) throws {
    guard refinements > 0 else { return }
    let ratio = (5.0.squareRoot() - 1) / 2
    var (low, high) = (start, end)
    var (left, right) = (high - ratio * (high - low), low + ratio * (high - low))
    var (atLeft, atRight) = (try quality(left), -Double.infinity)
    for step in 1..<max(1, refinements) {
      if step == 1 {
        atRight = try quality(right)
      } else if atLeft >= atRight {
        (high, right, atRight) = (right, left, atLeft)
        left = high - ratio * (high - low)
        atLeft = try quality(left)
      } else {
        (low, left, atLeft) = (left, right, atRight)
        right = low + ratio * (high - low)
        atRight = try quality(right)
      }
    }
  }
}

/// What a sweep found.
public struct PairResult: Codable, Sendable, Hashable {
  public struct Point: Codable, Sendable, Hashable {
    public var alpha: Double
    public var score: Score
  }

  public let configuration: PairSoup
  public let paths: [String]
  /// By rising α.
  public let points: [Point]
  /// The best point's; the first that was scored of equal ones.
  public let alpha: Double
  public let score: Score

  public var recipe: Recipe { .interpolate(paths[0], paths[1], alpha: alpha) }
}

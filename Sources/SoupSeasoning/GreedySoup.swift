import SoupEvaluation
import SoupMixing

/// Greedy soup: ingredients are tried in descending order of their own held-out score, and each one joins the uniform soup
/// of those kept so far if the soup does not get worse.
///
/// Ingredient scores and every tried soup go through the scorer once: `2k − 1` evaluations for `k` ingredients. The result
/// is never worse than the best ingredient on the data that the scorer holds; keep other data for the final test.
/// - Source: Wortsman et al., 2022, arXiv:2203.05482, recipe 1.
public struct GreedySoup: Sendable, Hashable {
  /// When a candidate soup is kept.
  public enum Acceptance: String, Codable, Sendable, CaseIterable {
    /// Kept when at least as good (`>=`), as the paper writes.
    case notWorse = "not-worse"
    /// Kept only when better (`>`), as the authors' code does.
    case better
  }

  public var acceptance: Acceptance
  public var metric: Metric

  public init(acceptance: Acceptance = .notWorse, metric: Metric = .top1) {
    self.acceptance = acceptance
    self.metric = metric
  }

  /// Searches.
  /// - Parameters:
  ///   - paths: the ingredients' checkpoints. Equal scores are tried in the order given here.
  ///   - scorer: scores on held-out data.
  ///   - progress: called after every evaluation.
  /// - Throws: `SeasoningError` for no or repeated ingredients, or none with a finite score; what the scorer throws.
  public func season(
    _ paths: [String], with scorer: some Scorer, progress: (GreedyProgress) throws -> Void = { _ in }
  ) throws -> GreedyResult {
    try SeasoningError.check(ingredients: paths)
    let total = 2 * paths.count - 1
    var ingredients: [GreedyResult.Ingredient] = []
    for path in paths {
      ingredients.append(.init(path: path, score: try scorer.score(.uniform([path]))))
      try progress(GreedyProgress(completed: ingredients.count, total: total, event: .scored(ingredients.last!)))
    }
    // Swift's sort is stable only in practice; the position breaks ties by contract.
    let order = ingredients.indices.sorted { a, b in
      let (left, right) = (metric.quality(of: ingredients[a].score), metric.quality(of: ingredients[b].score))
      return left != right ? left > right : a < b
    }
    let best = ingredients[order[0]]
    guard metric.quality(of: best.score) > -.infinity else {
      throw SeasoningError(
        .noFiniteScore, "no ingredient has a finite \(metric.rawValue) on the held-out data; look at their weights")
    }
    var kept = [best.path]
    var score = best.score
    var steps: [GreedyResult.Step] = []
    for (position, candidate) in order.dropFirst().map({ ingredients[$0] }).enumerated() {
      let tried = try scorer.score(.uniform(kept + [candidate.path]))
      let accepted = accepts(tried, over: score)
      if accepted {
        kept.append(candidate.path)
        score = tried
      }
      steps.append(.init(candidate: candidate.path, score: tried, accepted: accepted))
      try progress(
        GreedyProgress(completed: paths.count + position + 1, total: total, event: .tried(steps.last!)))
    }
    return GreedyResult(
      acceptance: acceptance, metric: metric, ingredients: order.map { ingredients[$0] }, steps: steps, kept: kept,
      score: score)
  }

  private func accepts(_ candidate: Score, over current: Score) -> Bool {
    let (new, old) = (metric.quality(of: candidate), metric.quality(of: current))
    return switch acceptance {
    case .notWorse: new >= old
    case .better: new > old
    }
  }
}

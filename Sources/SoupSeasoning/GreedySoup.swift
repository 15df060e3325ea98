import SoupEvaluation
import SoupMixing

/// Greedy soup: ingredients are tried in descending order of their own held-out score, and each one joins the uniform soup
/// of those kept so far if the soup does not get worse.
///
/// Ingredient scores and every tried soup go through the scorer once: `2k − 1` evaluations for `k` ingredients, of which
/// those of candidates end as soon as they have lost. The result is never worse than the best ingredient on the data that
/// the scorer holds; keep other data for the final test.
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
  /// When a candidate is left before the last image. The default never changes the result.
  public var stopping: Bar.Stopping

  public init(acceptance: Acceptance = .notWorse, metric: Metric = .top1, stopping: Bar.Stopping = .certain) {
    self.acceptance = acceptance
    self.metric = metric
    self.stopping = stopping
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
      let recipe = Recipe.uniform(kept + [candidate.path])
      let bar = Bar(.uniform(kept), score, by: metric, isStrict: acceptance == .better, stopping: stopping)
      var step = GreedyResult.Step(candidate: candidate.path, accepted: false)
      switch try scorer.trial(recipe, against: bar) {
      case .scored(let tried):
        step.score = tried
        step.accepted = bar.isPassed(by: tried)
        if step.accepted {
          kept.append(candidate.path)
          score = tried
        }
      case .rejected(let images): step.images = images
      }
      steps.append(step)
      try progress(
        GreedyProgress(completed: paths.count + position + 1, total: total, event: .tried(steps.last!)))
    }
    return GreedyResult(
      acceptance: acceptance, metric: metric, ingredients: order.map { ingredients[$0] }, steps: steps, kept: kept,
      score: score)
  }
}

import SoupEvaluation
import SoupMixing

/// What a greedy search found, and every step on the way.
public struct GreedyResult: Codable, Sendable, Hashable {
  public struct Ingredient: Codable, Sendable, Hashable {
    public var path: String
    /// The ingredient's own score.
    public var score: Score
  }

  public struct Step: Codable, Sendable, Hashable {
    public var candidate: String
    /// The score of the soup with the candidate in it; nil, and absent from JSON, if it was left before the last image.
    public var score: Score?
    /// Images seen until the candidate had lost, if that was before the last one. A step has either this or a score.
    public var images: Int?
    public var accepted: Bool

    init(candidate: String, accepted: Bool) {
      self.candidate = candidate
      self.accepted = accepted
    }
  }

  public var acceptance: GreedySoup.Acceptance
  public var metric: Metric
  /// All ingredients in the order they were tried, the best first.
  public var ingredients: [Ingredient]
  /// One step for every ingredient but the first.
  public var steps: [Step]
  /// The ingredients in the soup, in the order they joined.
  public var kept: [String]
  /// The soup's score on the held-out data.
  public var score: Score

  /// The soup: the uniform recipe of what was kept.
  public var recipe: Recipe { .uniform(kept) }
}

/// One evaluation of a greedy search.
public struct GreedyProgress: Sendable {
  public enum Event: Sendable {
    case scored(GreedyResult.Ingredient)
    case tried(GreedyResult.Step)
  }

  /// Evaluations done.
  public let completed: Int
  /// Evaluations in all.
  public let total: Int
  public let event: Event
}

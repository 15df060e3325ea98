import SoupMixing

/// Gives the score of the soup that a recipe makes.
///
/// Greedy, learned and landscape code ask a scorer and never touch weights. A scorer asked twice for one recipe gives one
/// answer.
public protocol Scorer {
  func score(_ recipe: Recipe) throws -> Score

  /// Scores a recipe only as far as needed to know whether it passes a bar.
  func trial(_ recipe: Recipe, against bar: Bar) throws -> Trial
}

extension Scorer {
  /// Scores the recipe in full.
  public func trial(_ recipe: Recipe, against bar: Bar) throws -> Trial { .scored(try score(recipe)) }
}

/// What a candidate must reach to be kept: the score of a recipe, by one metric.
public struct Bar: Sendable, Hashable {
  /// The recipe to be reached, and its score.
  public var recipe: Recipe
  public var score: Score
  public var metric: Metric
  /// Whether the candidate must be better (`>`) rather than not worse (`>=`).
  public var isStrict: Bool
  public var stopping: Stopping

  /// When a scorer may stop before the last image.
  public enum Stopping: Sendable, Hashable {
    case never
    /// When no outcome of the remaining images could let the candidate pass: the decision is that of a full evaluation.
    case certain
    /// Also when a candidate that would pass is this unlikely, at most, to look as it does (`Race`).
    case risky(Double)
  }

  public init(_ recipe: Recipe, _ score: Score, by metric: Metric, isStrict: Bool, stopping: Stopping = .certain) {
    self.recipe = recipe
    self.score = score
    self.metric = metric
    self.isStrict = isStrict
    self.stopping = stopping
  }

  public func isPassed(by candidate: Score) -> Bool {
    let (new, old) = (metric.quality(of: candidate), metric.quality(of: score))
    return isStrict ? new > old : new >= old
  }
}

/// How a candidate did against a bar.
public enum Trial: Sendable, Hashable {
  /// The full score; whether it passes is up to the bar.
  case scored(Score)
  /// It cannot pass, or with a risky bar it is too unlikely to, as was known after this many images.
  case rejected(images: Int)
}

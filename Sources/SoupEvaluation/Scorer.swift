import SoupMixing

/// Gives the score of the soup that a recipe makes.
///
/// Greedy, learned and landscape code ask a scorer and never touch weights. A scorer asked twice for one recipe gives one
/// answer.
public protocol Scorer {
  func score(_ recipe: Recipe) throws -> Score
}

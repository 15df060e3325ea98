/// Why a search over ingredients cannot start or end.
public struct SeasoningError: Error, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    case noIngredients
    /// The same checkpoint twice; it would weigh double.
    case repeatedIngredient
    case noFiniteScore
    /// A setting is out of its range.
    case badConfiguration
    /// The state of an interrupted search cannot be continued.
    case badState
    /// The loss or a coefficient is no longer finite.
    case diverged
    /// A mixture gives all images the same features, so that their neighbours say nothing.
    case constantFeatures
  }

  public let code: Code
  public let description: String

  package init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }

  static func check(ingredients: [String]) throws(SeasoningError) {
    guard !ingredients.isEmpty else { throw SeasoningError(.noIngredients, "a soup needs at least one ingredient") }
    var seen: Set<String> = []
    let repeated = ingredients.filter { !seen.insert($0).inserted }
    guard repeated.isEmpty else {
      throw SeasoningError(
        .repeatedIngredient, "given more than once: \(repeated.joined(separator: ", ")); name every ingredient once")
    }
  }
}

/// Which elements of a task vector take part.
public enum Sparsifier: Sendable, Hashable {
  /// All.
  case none
  /// The share `density` of largest magnitude: `max(1, ⌊density · n⌋)` elements, and those equal to the last of them.
  case magnitude(density: Double)
  /// Each with probability `density`.
  case random(density: Double)
  /// The share `density` that is left after removing the share `gamma` of largest magnitude and then the smallest ones.
  /// - Parameter zeroing: as mergekit 0.1.5 does, keep nothing where `gamma · n < 1`.
  case outliers(density: Double, gamma: Double, zeroing: Bool = false)
  /// Each with a probability that rises with the rank of its magnitude in its row, from `density − epsilon` to
  /// `density + epsilon`.
  case rankedRandom(density: Double, epsilon: Double)
  /// Those where an ingredient of the same shape is not 0.
  case mask(ingredient: Int)

  var isRandom: Bool {
    switch self {
    case .random(let density), .rankedRandom(let density, _): density < 1
    default: false
    }
  }

  /// The first and last place, in ascending order of n magnitudes, of what stays; nil where nothing does.
  func places(of n: Int) -> ClosedRange<Int>? {
    switch self {
    case .magnitude(let density) where density < 1:
      guard density > 0, n > 0 else { return nil }
      return n - max(1, Int(density * Double(n)))...n - 1
    case .outliers(let density, let gamma, let zeroing) where density < 1:
      guard density > 0, n > 0, !zeroing || Int(gamma * Double(n)) > 0 else { return nil }
      let kept = max(1, Int(density * Double(n)))
      let top = min(Int(gamma * Double(n)), n - kept)
      return n - top - kept...n - top - 1
    default:
      return n > 0 ? 0...n - 1 : nil
    }
  }

  /// - Throws: `MixError.Code.invalidRecipe` for numbers that make no sense.
  func validate() throws(MixError) {
    func check(_ name: String, _ value: Double) throws(MixError) {
      guard value.isFinite, value >= 0 else {
        throw MixError(.invalidRecipe, "\(name) is \(value); it must be a number from 0 to 1")
      }
    }
    switch self {
    case .none, .mask: break
    case .magnitude(let density), .random(let density): try check("density", density)
    case .outliers(let density, let gamma, _):
      try check("density", density)
      try check("gamma", gamma)
    case .rankedRandom(let density, let epsilon):
      try check("density", density)
      try check("epsilon", epsilon)
      guard density <= 0 || density >= 1 || (density - epsilon > 0 && density + epsilon < 1) else {
        throw MixError(
          .invalidRecipe,
          "density \(density) and epsilon \(epsilon) give probabilities outside 0…1; choose epsilon below "
            + "\(min(density, 1 - density))")
      }
    }
  }
}

/// How a sparsified task vector is scaled up for what it has lost.
public enum Rescaling: String, Codable, Sendable, Hashable {
  case none
  /// Every kept element is divided by the probability that it is kept, so that the expected sum stays the same. Only for
  /// random sparsifiers; others are scaled by `norm`.
  case expectation
  /// The kept elements are scaled so that the sum of magnitudes stays the same.
  case norm
}

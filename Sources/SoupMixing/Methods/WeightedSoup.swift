/// Weighted soup: `θ = Σᵢ wᵢ · θᵢ / Σᵢ wᵢ`, or without the division.
///
/// Weights may be negative. An ingredient of weight 0 takes no part: it is not read, and what is not finite in it does
/// not matter.
public struct WeightedSoup: BlockMethod {
  public let weights: [Double]
  public let divisor: Double

  /// - Parameters:
  ///   - weights: one per ingredient.
  ///   - normalize: divide by the sum of the weights.
  /// - Throws: `MixError.Code.invalidRecipe` if a weight is not finite, all are 0, or their sum is 0 and must divide.
  public init(weights: [Double], normalize: Bool = true) throws(MixError) {
    guard weights.allSatisfy(\.isFinite) else {
      throw MixError(.invalidRecipe, "the weights \(weights) are not all finite numbers")
    }
    guard weights.contains(where: { $0 != 0 }) else {
      throw MixError(.invalidRecipe, "the weights \(weights) are all zero; give at least one ingredient a share")
    }
    let sum = weights.reduce(0, +)
    // Weights like 0.1, 0.2, -0.3 sum to rounding noise, and dividing by noise is dividing by zero.
    let noise = weights.reduce(0) { $0 + $1.magnitude } * 1e-14
    guard !normalize || sum.magnitude > noise else {
      throw MixError(
        .invalidRecipe, "the weights \(weights) sum to 0, so they cannot be normalised; mix without normalising them")
    }
    self.weights = weights
    divisor = normalize ? sum : 1
  }

  public var primaryIngredient: Int { weights.firstIndex { $0 != 0 } ?? 0 }

  public func merge(_ block: MergeBlock) throws { try block.setWeightedSum(weights, divisor: divisor) }
}

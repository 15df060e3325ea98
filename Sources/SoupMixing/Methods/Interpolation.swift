/// Interpolation of two models: `θ = (1 − α) · θ₀ + α · θ₁`.
///
/// α = 0 gives the first and α = 1 the second, bit for bit; values outside 0…1 extrapolate. With a pre-trained model
/// first and its fine-tuning second this is WiSE-FT.
///
/// - Source: Wortsman et al., *Robust fine-tuning of zero-shot models*, 2022, arXiv:2109.01903.
public struct Interpolation: BlockMethod {
  public let alpha: Double

  /// - Throws: `MixError.Code.invalidRecipe` if `alpha` is not finite.
  public init(alpha: Double) throws(MixError) {
    guard alpha.isFinite else { throw MixError(.invalidRecipe, "alpha is \(alpha); it must be a finite number") }
    self.alpha = alpha
  }

  public var primaryIngredient: Int { alpha == 1 ? 1 : 0 }

  public func merge(_ block: MergeBlock) throws { try block.setWeightedSum([1 - alpha, alpha]) }
}

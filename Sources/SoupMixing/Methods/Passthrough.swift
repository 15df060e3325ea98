/// Passthrough: `θ = s · θ₁`, one ingredient's tensors unchanged or scaled; for stacking layers of several models.
public struct Passthrough: BlockMethod {
  public let scale: Double

  /// - Throws: `MixError.Code.invalidRecipe` if `scale` is not finite.
  public init(scale: Double = 1) throws(MixError) {
    guard scale.isFinite else { throw MixError(.invalidRecipe, "scale is \(scale); it must be a finite number") }
    self.scale = scale
  }

  public func merge(_ block: MergeBlock) throws { try block.setWeightedSum([scale]) }
}

/// The barrier on the straight line between two models: how far the loss rises above the line between its ends.
///
/// `height = max over α in 0…1 of L(α) − ((1 − α) L(0) + α L(1))`. It is 0 where the two are linearly connected, at an end then.
/// - Source: Frankle et al., 2020, arXiv:1912.05671, measured against the interpolated ends as Entezari et al., 2022,
///   arXiv:2110.06296.
public struct LossBarrier: Codable, Sendable, Hashable {
  /// At least 0, in the units of the values.
  public var height: Double
  /// Where it is highest.
  public var alpha: Double

  /// - Parameter values: `(α, L(α))` in any order; those outside 0…1 play no part.
  /// - Throws: `AnalysisError` unless α = 0 and α = 1 are among them.
  public init(_ values: [(alpha: Double, value: Double)]) throws(AnalysisError) {
    guard let start = values.first(where: { $0.alpha == 0 })?.value,
      let end = values.first(where: { $0.alpha == 1 })?.value
    else { throw AnalysisError(.tooFew, "a barrier needs the values at alpha 0 and 1") }
    (height, alpha) = (0, 0)
    for (alpha, value) in values where (0...1).contains(alpha) {
      let rise = value - ((1 - alpha) * start + alpha * end)
      if rise.isNaN || rise > height { (height, self.alpha) = (rise, alpha) }
      if height.isNaN { break }
    }
  }
}

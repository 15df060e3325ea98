#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Spherical interpolation of two models or of two task vectors, `v = [sin((1 − t)φ) v₁ + sin(tφ) v₂] / sin φ` with
/// `t = w₂ / (w₁ + w₂)`: of whole parameters, or row by row.
///
/// Parallel and antiparallel vectors, `|sin φ| < 1e-8`, are interpolated in a straight line.
/// - Source: mergekit 0.1.5; there, antiparallel vectors in Float32 are divided by rounding noise.
public struct NuSlerp: CombinationMethod {
  public let members: [Int]
  public let base: Int?
  public let extent: VectorExtent
  public let t: Double

  /// - Parameters:
  ///   - members: two ingredients.
  ///   - weights: of both; 0.5 each if they sum to less than 1e-6.
  ///   - base: interpolate the differences from this ingredient.
  public init(members: (Int, Int), weights: (Double, Double), base: Int? = nil, extent: VectorExtent = .tensor) {
    self.members = [members.0, members.1]
    self.base = base
    self.extent = extent
    let sum = weights.0 + weights.1
    t = sum.magnitude < 1e-6 ? 0.5 : weights.1 / sum
  }

  public func coefficients(_ products: Products) -> [Double] {
    let cosine = products[0, 1] / (max(products.norm(0), 1e-7) * max(products.norm(1), 1e-7))
    let angle = acos(min(1, max(-1, cosine)))
    guard sin(angle).magnitude >= 1e-8 else { return [1 - t, t] }
    return [sin((1 - t) * angle) / sin(angle), sin(t * angle) / sin(angle)]
  }
}

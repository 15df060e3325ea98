#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Spherical interpolation of two models: `θ = [sin((1 − t)φ) a + sin(tφ) b] / sin φ`, where φ is the angle between a and
/// b, each parameter one vector.
///
/// Where `|cos φ| > 0.9995` it is the straight line `(1 − t) a + t b`. t is not clamped.
/// - Source: Shoemake, *Animating rotation with quaternion curves*, 1985; conventions as in mergekit 0.1.5.
public struct Slerp: CombinationMethod {
  public let members: [Int]
  public let t: Double
  public var base: Int? { nil }

  /// - Parameters:
  ///   - from: the ingredient at t = 0.
  ///   - to: the ingredient at t = 1.
  public init(from: Int, to: Int, t: Double) {
    members = [from, to]
    self.t = t
  }

  public func coefficients(_ products: Products) -> [Double] {
    let lengths = (0..<2).map { products.norm($0) > 1e-8 ? products.norm($0) : 1 }
    let cosine = products[0, 1] / (lengths[0] * lengths[1])
    // Not written as a comparison with <=, so that NaN takes the straight line too.
    guard cosine.magnitude <= 0.9995 else { return [1 - t, t] }
    let angle = acos(cosine)
    return [sin((1 - t) * angle) / sin(angle), sin(t * angle) / sin(angle)]
  }
}

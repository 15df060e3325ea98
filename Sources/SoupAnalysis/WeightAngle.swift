#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The angle between two task vectors.
public struct WeightAngle: Codable, Sendable, Hashable {
  /// In −1…1.
  public var cosine: Double
  /// In 0…180.
  public var degrees: Double { acos(cosine) * 180 / .pi }

  public init(cosine: Double) { self.cosine = max(-1, min(1, cosine)) }

  /// From inner products of the two vectors; NaN if one is zero.
  public init(uu: Double, uv: Double, vv: Double) {
    let cosine = uv / (uu * vv).squareRoot()
    // `max` and `min` would turn NaN into a number.
    self.cosine = cosine.isNaN ? cosine : max(-1, min(1, cosine))
  }
}

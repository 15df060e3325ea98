import SoupAnalysis

/// 95 % intervals from what tables of results hold: fractions and numbers of images.
extension Interval {
  /// Wilson's interval for a fraction of `count` images.
  init?(fraction: Double, count: Int) {
    let right = (fraction * Double(count)).rounded()
    guard count > 0, (0...Double(count)).contains(right),
      let interval = try? ProportionInterval.wilson(Int(right), of: count)
    else { return nil }
    self = interval
  }

  /// The mean of fractions on separate sets, `√(Σ pᵢ(1−pᵢ)/nᵢ) / m` being its standard error: the images vary, the sets
  /// do not.
  public init(meanOf parts: [(fraction: Double, count: Int)]) {
    let m = Double(max(parts.count, 1))
    let mean = parts.reduce(0) { $0 + $1.fraction } / m
    let variance = parts.reduce(0) { $0 + $1.fraction * (1 - $1.fraction) / Double(max($1.count, 1)) }
    // Two-sided 95 % quantile of the standard normal distribution.
    let half = 1.959_963_984_540_054 * variance.squareRoot() / m
    self.init(mean - half, mean + half)
  }

  /// The difference of two quantities measured with these intervals, as if on different images. On the same images the
  /// answers agree mostly and the true interval is narrower.
  static func ofDifference(_ value: Double, _ a: Interval, _ b: Interval) -> Interval {
    let half = (a.halfWidth * a.halfWidth + b.halfWidth * b.halfWidth).squareRoot()
    return Interval(value - half, value + half)
  }
}

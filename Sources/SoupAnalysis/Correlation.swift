#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How strongly two lists of numbers go together.
public struct Correlation: Codable, Sendable, Hashable {
  /// In −1…1; NaN when one list does not vary.
  public var coefficient: Double
  /// Two-sided, against no correlation, by Student's t with n − 2 degrees of freedom; NaN for fewer than three pairs.
  public var pValue: Double
  /// Number of pairs.
  public var count: Int

  /// Pearson's correlation: of the values themselves.
  /// - Throws: `AnalysisError` unless both lists are of one length of at least 2.
  public static func pearson(_ x: [Double], _ y: [Double]) throws(AnalysisError) -> Correlation {
    guard x.count == y.count, x.count >= 2 else {
      throw AnalysisError(
        .length, "a correlation needs two lists of one length, at least 2; found \(x.count) and \(y.count)")
    }
    let n = Double(x.count)
    let (meanX, meanY) = (x.reduce(0, +) / n, y.reduce(0, +) / n)
    var (xx, yy, xy) = (0.0, 0.0, 0.0)
    for (a, b) in zip(x, y) {
      let (dx, dy) = (a - meanX, b - meanY)
      xx += dx * dx
      yy += dy * dy
      xy += dx * dy
    }
    let r = max(-1, min(1, xy / (xx * yy).squareRoot()))
    guard xx > 0, yy > 0 else { return Correlation(coefficient: .nan, pValue: .nan, count: x.count) }
    // P(|T| > t) = I_{ν/(ν+t²)}(ν/2, ½), and ν/(ν+t²) = 1 − r².
    let p = x.count < 3 ? .nan : IncompleteBeta((n - 2) / 2, 0.5)((1 - r) * (1 + r))
    return Correlation(coefficient: r, pValue: p, count: x.count)
  }

  /// Spearman's correlation: Pearson's of the ranks, where equal values share the mean of their ranks.
  /// - Throws: as `pearson`.
  public static func spearman(_ x: [Double], _ y: [Double]) throws(AnalysisError) -> Correlation {
    try pearson(ranks(x), ranks(y))
  }

  /// Ranks from 1; equal values share the mean of theirs.
  public static func ranks(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
      var end = start + 1
      while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
      for index in order[start..<end] { ranks[index] = Double(start + end + 1) / 2 }
      start = end
    }
    return ranks
  }

  private enum CodingKeys: String, CodingKey {
    case coefficient
    case pValue = "p_value"
    case count
  }
}

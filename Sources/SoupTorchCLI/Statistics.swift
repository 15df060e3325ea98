import Foundation
import SoupAnalysis
import SoupCLI
import SoupEvaluation

/// How tables show accuracies and their differences: always with what chance alone would do.
enum Statistics {
  /// Wilson's 95 % interval of an accuracy.
  static func interval(of score: Score) throws -> Interval {
    try ProportionInterval.wilson(Int((score.top1 * Double(score.count)).rounded()), of: score.count)
  }

  /// `91.07 ±0.56`, in percent.
  static func accuracy(_ score: Score) throws -> String {
    "\(Format.percent(score.top1)) ±\(Format.percent(try interval(of: score).halfWidth))"
  }

  /// `+0.12 [-0.20, +0.44]`, in percentage points.
  static func difference(_ comparison: PairedComparison) -> String {
    "\(points(comparison.difference)) [\(points(comparison.interval.lower)), \(points(comparison.interval.upper))]"
  }

  /// `0.031`, or `1.2e-09` where three decimals are not enough.
  static func pValue(_ p: Double) -> String { p >= 0.001 ? Format.fixed(p, 3) : Format.significant(p, 2) }

  /// `+0.12`.
  static func points(_ fraction: Double) -> String {
    let text = Format.percent(fraction)
    return fraction < 0 || text.hasPrefix("-") ? text : "+" + text
  }

  static let legend =
    "± and [ ] are 95 % intervals (Wilson; paired bootstrap over images), p is McNemar's exact test."
}

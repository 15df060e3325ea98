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
    Format.points(comparison.difference, from: comparison.interval.lower, to: comparison.interval.upper)
  }

  /// `0.031`, or `1.2e-09` where three decimals are not enough.
  static func pValue(_ p: Double) -> String { Format.pValue(p) }

  /// `+0.12`.
  static func points(_ fraction: Double) -> String { Format.points(fraction) }

  static let legend =
    "± and [ ] are 95 % intervals (Wilson; paired bootstrap over images), p is McNemar's exact test."
}

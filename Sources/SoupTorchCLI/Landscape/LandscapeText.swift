import SoupAnalysis
import SoupCLI

/// Points of a landscape in words.
enum LandscapeText {
  /// Cells of a table: accuracy with its interval, loss, ECE.
  static func score(_ table: PointTable, _ row: [PointTable.Cell]) -> [String] {
    let half = (table.number("error_high", row) - table.number("error_low", row)) / 2
    return [
      "\(Format.percent(table.number("top1", row))) ±\(Format.percent(half))",
      Format.fixed(table.number("loss", row), 4), Format.percent(table.number("ece", row)),
    ]
  }

  /// `+0.0123`.
  static func signed(_ value: Double) -> String { (value < 0 ? "" : "+") + Format.fixed(value, 4) }
}

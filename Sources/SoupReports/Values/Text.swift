import Foundation
import SoupAnalysis

/// Numbers as the report writes them.
public enum Text {
  /// `81.03` for 0.81026.
  public static func percent(_ fraction: Double, decimals: Int = 2) -> String { fixed(fraction * 100, decimals) }

  /// `+0.64`, `−1.20`, `0.00`: a difference of fractions in percentage points.
  public static func points(_ difference: Double) -> String {
    let text = fixed(abs(difference) * 100, 2)
    if text.allSatisfy({ "0.".contains($0) }) { return text }
    return (difference < 0 ? "−" : "+") + text
  }

  /// `p = 0.031`, `p = 2e−09`, `p < 1e−99`.
  public static func pValue(_ p: Double) -> String {
    if p >= 0.001 { return "p = " + fixed(p, 3) }
    guard p >= 1e-99 else { return "p < 1e−99" }
    return "p = " + String(format: "%.0e", p).replacing("-", with: "−")
  }

  /// `−0.20 to +0.44`: an interval of differences, in points.
  static func points(_ interval: Interval) -> String { "\(points(interval.lower)) to \(points(interval.upper))" }

  public static func fixed(_ value: Double, _ decimals: Int) -> String {
    value.isFinite ? String(format: "%.\(decimals)f", value) : "–"
  }

  /// `1 model`, `72 models`.
  public static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

  /// `a, b and c`.
  public static func list(_ parts: [String]) -> String {
    parts.count < 2 ? parts.joined() : parts.dropLast().joined(separator: ", ") + " and " + parts.last!
  }

  /// A value of a hyperparameter: numbers in three significant digits.
  public static func value(_ value: JSON) -> String {
    switch value {
    case .string(let text): text
    case .number(let number): Int(exactly: number).map(String.init) ?? String(format: "%.3g", number)
    case .null: "–"
    default: value.text
    }
  }
}

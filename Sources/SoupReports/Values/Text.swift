import Foundation

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

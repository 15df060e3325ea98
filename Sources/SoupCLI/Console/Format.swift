#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Numbers as people read them: sizes in powers of 1000, durations, rates, grouped digits.
public enum Format {
  /// `346 MB`, `1.25 GB`, `17 B`: three significant digits, powers of 1000.
  public static func bytes(_ count: Int) -> String {
    scaled(Double(count), units: ["B", "kB", "MB", "GB", "TB", "PB"])
  }

  /// `11,173,962`.
  public static func count(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return value < 0 ? "-" + text : text
  }

  /// A fixed number of decimals: `fixed(0.12345, 3)` is `0.123`; `nan`, `inf`, `-inf` as such.
  public static func fixed(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite, value.magnitude < 1e15 else { return "\(value)" }
    var scale = 1
    for _ in 0..<decimals { scale *= 10 }
    let rounded = (value.magnitude * Double(scale)).rounded(.toNearestOrEven)
    guard rounded < 9e18 else { return "\(value)" }
    let whole = Int(rounded)
    let sign = value < 0 && whole > 0 ? "-" : ""
    guard decimals > 0 else { return sign + String(whole) }
    let fraction = String(whole % scale)
    return sign + "\(whole / scale)." + String(repeating: "0", count: decimals - fraction.count) + fraction
  }

  /// A fraction as a percentage without the sign: `percent(0.91234)` is `91.23`.
  public static func percent(_ fraction: Double, decimals: Int = 2) -> String { fixed(fraction * 100, decimals) }

  /// `+0.12`, `-1.20`: a difference of fractions, in percentage points.
  public static func points(_ fraction: Double) -> String {
    let text = percent(fraction)
    return fraction < 0 || text.hasPrefix("-") ? text : "+" + text
  }

  /// `+0.12 [-0.20, +0.44]`: a difference of fractions with its interval, in percentage points.
  public static func points(_ fraction: Double, from lower: Double, to upper: Double) -> String {
    "\(points(fraction)) [\(points(lower)), \(points(upper))]"
  }

  /// `0.031`, or `1.2e-09` where three decimals are not enough.
  public static func pValue(_ p: Double) -> String { p >= 0.001 ? fixed(p, 3) : significant(p, 2) }

  /// A value of any magnitude in at most `digits` significant digits: `0.0312`, `-1.25e-07`, `12.5`.
  public static func significant(_ value: Double, _ digits: Int = 4) -> String {
    guard value.isFinite else { return "\(value)" }
    guard value != 0 else { return "0" }
    var exponent = Int(log10(value.magnitude).rounded(.down))
    if exponent < -4 || exponent >= 7 {
      var mantissa = value / pow(10, Double(exponent))
      if mantissa.magnitude >= 10 - 0.5 * pow(10, Double(1 - digits)) {
        (mantissa, exponent) = (mantissa / 10, exponent + 1)
      }
      let sign = exponent < 0 ? "-" : "+"
      let digitsOfExponent = String(exponent.magnitude)
      return trimmed(fixed(mantissa, digits - 1)) + "e" + sign + (digitsOfExponent.count < 2 ? "0" : "")
        + digitsOfExponent
    }
    return trimmed(fixed(value, max(0, digits - 1 - exponent)))
  }

  /// `3 ms`, `0.8 s`, `42 s`, `3 min 05 s`, `2 h 10 min`.
  public static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "unknown" }
    if seconds < 0.0995 { return "\(Int((seconds * 1000).rounded(.up))) ms" }
    if seconds < 9.95 { return fixed(seconds, 1) + " s" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(padded(whole % 60)) s" }
    return "\(whole / 3600) h \(padded(whole % 3600 / 60)) min"
  }

  static func scaled(_ value: Double, units: [String]) -> String {
    var value = value
    var index = 0
    while value >= (index == 0 ? 1000 : 999.5), index < units.count - 1 { (value, index) = (value / 1000, index + 1) }
    let decimals = index == 0 ? (value == value.rounded() ? 0 : 1) : value < 9.995 ? 2 : value < 99.95 ? 1 : 0
    return fixed(value, decimals) + (units[index].isEmpty ? "" : " " + units[index])
  }

  private static func padded(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }

  private static func trimmed(_ text: String) -> String {
    guard text.contains(".") else { return text }
    var text = Substring(text)
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return String(text)
  }
}

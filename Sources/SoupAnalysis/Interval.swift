/// A confidence interval.
public struct Interval: Codable, Sendable, Hashable {
  public var lower: Double
  public var upper: Double
  /// How sure, in 0…1: 0.95 for a 95 % interval.
  public var level: Double

  public init(_ lower: Double, _ upper: Double, level: Double = 0.95) {
    self.lower = lower
    self.upper = upper
    self.level = level
  }

  /// Half of its width: what is printed after `±`.
  public var halfWidth: Double { (upper - lower) / 2 }

  public func contains(_ value: Double) -> Bool { lower <= value && value <= upper }

  static func check(level: Double) throws(AnalysisError) {
    guard level > 0, level < 1 else {
      throw AnalysisError(.range, "a confidence level lies between 0 and 1 (0.95 is usual), found \(level)")
    }
  }
}

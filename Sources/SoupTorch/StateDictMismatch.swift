/// Everything in which a state dict does not fit a model.
public struct StateDictMismatch: Error, Sendable, Hashable, CustomStringConvertible {
  public struct Shape: Sendable, Hashable {
    public let name: String
    public let expected: [Int]
    public let found: [Int]

    public init(name: String, expected: [Int], found: [Int]) {
      self.name = name
      self.expected = expected
      self.found = found
    }
  }

  /// In the model, not in the state dict.
  public var missing: [String] = []
  /// In the state dict, not in the model.
  public var unexpected: [String] = []
  /// In both, with different shapes.
  public var shapes: [Shape] = []

  public init() {}

  public var isEmpty: Bool { missing.isEmpty && unexpected.isEmpty && shapes.isEmpty }

  public var description: String {
    var lines = ["the weights do not fit the model:"]
    lines += missing.map { "  missing     \($0)" }
    lines += unexpected.map { "  unexpected  \($0)" }
    lines += shapes.map { "  shape       \($0.name): expected \($0.expected), found \($0.found)" }
    return lines.joined(separator: "\n")
  }
}

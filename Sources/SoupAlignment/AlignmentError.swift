/// Why two networks cannot be aligned. One error lists every problem of its kind.
public struct AlignmentError: Error, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// The two have different tensors: names, shapes or kinds of numbers.
    case different
    /// The names are of no architecture whose symmetries are known.
    case unknownArchitecture
    /// A known architecture with tensors that do not belong to it, or shapes that contradict each other.
    case unexpectedTensors
    /// Values that are NaN or infinite.
    case notFinite
    /// A permutation does not fit the network.
    case badPermutation
  }

  public let code: Code
  public let description: String

  package init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }

  /// - Parameter problems: the first ten are listed.
  package init(_ code: Code, _ what: String, _ problems: [String], advice: String = "") {
    let rest = problems.count > 10 ? ["… and \(problems.count - 10) more"] : []
    self.init(
      code,
      ([what] + (problems.prefix(10) + rest).map { "  " + $0 } + (advice.isEmpty ? [] : [advice])).joined(
        separator: "\n"))
  }
}

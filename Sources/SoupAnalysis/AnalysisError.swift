/// Why a statistic or a place in a landscape cannot be computed.
public struct AnalysisError: Error, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// Lists that belong together have different lengths.
    case length
    /// Too few values for the statistic.
    case tooFew
    /// A number is outside the range in which the question makes sense.
    case range
    /// Weights that should span a line or a plane lie on top of each other.
    case degenerate
  }

  public let code: Code
  public let description: String

  package init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}

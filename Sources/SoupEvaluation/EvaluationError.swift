/// Why something could not be evaluated.
public struct EvaluationError: Error, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// Logits, labels or images do not fit each other.
    case shape
    /// No images to evaluate on.
    case noData
    /// A checkpoint does not say which model it is.
    case unknownModel
    /// A model cannot do what was asked, such as new batch-norm statistics for a model without batch norm.
    case unsupported
    /// A scoring program failed, took too long, or printed no score.
    case scorer
  }

  public let code: Code
  /// The checkpoint concerned, if any.
  public let file: String?
  public let description: String

  package init(_ code: Code, file: String? = nil, _ description: String) {
    self.code = code
    self.file = file
    self.description = description
  }
}

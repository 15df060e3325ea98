/// What is wrong with the results that a report is to be made of, or why it could not be written.
public struct ReportError: Error, Sendable, Hashable, CustomStringConvertible {
  public struct Code: Sendable, Hashable {
    let name: String
    /// A file cannot be read or written.
    public static let file = Code(name: "file")
    /// A line is not what the format says.
    public static let format = Code(name: "format")
    /// There is nothing to report on.
    public static let empty = Code(name: "empty")
    /// The renderer of figures failed.
    public static let renderer = Code(name: "renderer")
  }

  public var code: Code
  public var path: String?
  /// Every problem of this kind.
  public var problems: [String]
  public var advice: String?

  public init(_ code: Code, path: String? = nil, _ problems: [String], advice: String? = nil) {
    self.code = code
    self.path = path
    self.problems = problems
    self.advice = advice
  }

  public var description: String {
    let shown = problems.prefix(12).joined(separator: "\n  ")
    let more = problems.count > 12 ? "\n  and \(problems.count - 12) more" : ""
    return (path.map { "\($0): " } ?? "") + (problems.count > 1 ? "\n  " : "") + shown + more
      + (advice.map { "\n  \($0)" } ?? "")
  }
}

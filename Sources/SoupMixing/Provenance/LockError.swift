/// Why a lock cannot be used. What is wrong with one file is a `CheckpointError`.
public struct LockError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The kind of problem, for programs. The set may grow.
  public struct Code: RawRepresentable, Sendable, Hashable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// There is no lock.
    public static let notFound = Code(rawValue: "not-found")
    /// The lock is not JSON of the right form, or of a format that this program does not know.
    public static let damaged = Code(rawValue: "damaged")
    /// A file changed while the soup was mixed.
    public static let changedMeanwhile = Code(rawValue: "changed-meanwhile")
    /// Files are missing or differ from the lock; `problems` has all of them.
    public static let differs = Code(rawValue: "differs")
    /// The rebuilt soup has other bytes than the lock says.
    public static let notReproduced = Code(rawValue: "not-reproduced")
  }

  public let code: Code
  public let path: String
  public let detail: String
  /// One line for every file.
  public let problems: [String]
  /// What to do about it; empty where nothing can be said.
  public let advice: String

  public init(_ code: Code, _ path: String, _ detail: String, problems: [String] = [], advice: String = "") {
    self.code = code
    self.path = path
    self.detail = detail
    self.problems = problems
    self.advice = advice
  }

  public var description: String {
    (["'\(path)' \(detail)" + (advice.isEmpty ? "" : "; \(advice)")] + problems.map { "  " + $0 })
      .joined(separator: "\n")
  }
}

/// What is wrong with a study: its file, its folder, a run.
public struct StudyError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The kind of problem, for programs. The set may grow.
  public struct Code: RawRepresentable, Sendable, Hashable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The study's file cannot be read, or is not YAML.
    public static let cannotRead = Code(rawValue: "cannot-read")
    /// The file says something that no study can say. All such places are listed.
    public static let invalidFile = Code(rawValue: "invalid-file")
    /// A file that the study names does not exist.
    public static let missingInput = Code(rawValue: "missing-input")
    /// Something in the study's folder cannot be written.
    public static let cannotWrite = Code(rawValue: "cannot-write")
    /// Another process runs the study, or the run.
    public static let busy = Code(rawValue: "busy")
    /// Nothing of the study was run yet.
    public static let notStarted = Code(rawValue: "not-started")
    /// A program could not be started.
    public static let cannotStart = Code(rawValue: "cannot-start")
    /// Slurm refused, or is not there.
    public static let slurm = Code(rawValue: "slurm")
    /// A result is not what its command prints.
    public static let badResult = Code(rawValue: "bad-result")
  }

  public let code: Code
  public let file: String?
  public let detail: String
  /// What to do; empty when the detail says it.
  public let advice: String

  public init(_ code: Code, _ file: String? = nil, _ detail: String, advice: String = "") {
    self.code = code
    self.file = file
    self.detail = detail
    self.advice = advice
  }

  public var description: String {
    [file, detail].compactMap(\.self).joined(separator: ": ") + (advice.isEmpty ? "" : "; " + advice)
  }
}

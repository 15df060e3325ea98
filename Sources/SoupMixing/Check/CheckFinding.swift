/// One thing that `MixCheck` found.
public struct CheckFinding: Codable, Sendable, Equatable {
  public enum Severity: String, Codable, Sendable, CaseIterable {
    /// The mix cannot run, or would fail.
    case error
    /// The mix runs, but its result is likely not what is wanted.
    case warning
    /// Good to know.
    case note
  }

  /// The kind of finding, for programs. The set may grow.
  public struct Code: RawRepresentable, Codable, Sendable, Hashable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public init(from decoder: any Decoder) throws { rawValue = try String(from: decoder) }
    public func encode(to encoder: any Encoder) throws { try rawValue.encode(to: encoder) }

    /// A file cannot be read, or is damaged.
    public static let file = Code(rawValue: "file")
    /// The recipe's numbers do not fit together.
    public static let recipe = Code(rawValue: "recipe")
    public static let missing = Code(rawValue: "missing-tensor")
    public static let unexpected = Code(rawValue: "unexpected-tensor")
    public static let shape = Code(rawValue: "shape")
    /// Embeddings of different numbers of rows, or tokenizer files that differ.
    public static let vocabulary = Code(rawValue: "vocabulary")
    public static let dtype = Code(rawValue: "dtype")
    /// An output layer that shares its weights with the embedding in one ingredient only.
    public static let tied = Code(rawValue: "tied")
    /// Integer weights, which are copied instead of mixed.
    public static let integers = Code(rawValue: "integers")
    /// Two ingredients are one file.
    public static let sameFile = Code(rawValue: "same-file")
    /// The models' `config.json` disagree.
    public static let configuration = Code(rawValue: "configuration")
    public static let nonFinite = Code(rawValue: "non-finite")
    public static let allZero = Code(rawValue: "all-zero")
    /// Values that the output's dtype cannot hold.
    public static let overflow = Code(rawValue: "overflow")
    /// The output exists, or its folder cannot be written.
    public static let output = Code(rawValue: "output")
    public static let disk = Code(rawValue: "disk")
    public static let memory = Code(rawValue: "memory")
  }

  public let severity: Severity
  public let code: Code
  /// The ingredient or output, as the caller named it; nil where the finding is about the recipe.
  public let file: String?
  public let tensor: String?
  public let detail: String
  /// What to do; empty where nothing can be said.
  public let advice: String

  public init(
    _ severity: Severity, _ code: Code, file: String? = nil, tensor: String? = nil, _ detail: String,
    advice: String = ""
  ) {
    self.severity = severity
    self.code = code
    self.file = file
    self.tensor = tensor
    self.detail = detail
    self.advice = advice
  }
}

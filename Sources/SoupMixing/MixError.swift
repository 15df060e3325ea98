/// Why a recipe cannot be mixed. What is wrong with one file is a `CheckpointError`.
public struct MixError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The kind of problem, for programs. The set may grow.
  public struct Code: RawRepresentable, Sendable, Hashable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Ingredients, method and numbers do not fit together.
    public static let invalidRecipe = Code(rawValue: "invalid-recipe")
    /// The ingredients do not have the same tensors; `problems` has every difference.
    public static let mismatch = Code(rawValue: "mismatch")
    /// The allowed memory is too small; `detail` has the least that would do.
    public static let memory = Code(rawValue: "memory")
  }

  public let code: Code
  /// What is wrong, for people.
  public let detail: String
  /// Every single problem; empty where `detail` says it all.
  public let problems: [Problem]

  /// One difference between an ingredient and the first one.
  public enum Problem: Sendable, Equatable, CustomStringConvertible {
    case missing(file: String, tensor: String)
    case unexpected(file: String, tensor: String)
    case shape(file: String, tensor: String, expected: [Int], found: [Int])
    /// A float on one side, integers on the other, or two kinds of integers.
    case dtype(file: String, tensor: String, expected: String, found: String)

    public var file: String {
      switch self {
      case .missing(let file, _), .unexpected(let file, _), .shape(let file, _, _, _), .dtype(let file, _, _, _): file
      }
    }

    public var tensor: String {
      switch self {
      case .missing(_, let tensor), .unexpected(_, let tensor), .shape(_, let tensor, _, _),
        .dtype(_, let tensor, _, _):
        tensor
      }
    }

    public var description: String {
      switch self {
      case .missing(_, let tensor): "missing     \(tensor)"
      case .unexpected(_, let tensor): "unexpected  \(tensor)"
      case .shape(_, let tensor, let expected, let found): "shape       \(tensor): \(found), expected \(expected)"
      case .dtype(_, let tensor, let expected, let found): "dtype       \(tensor): \(found), expected \(expected)"
      }
    }
  }

  public init(_ code: Code, _ detail: String, problems: [Problem] = []) {
    self.code = code
    self.detail = detail
    self.problems = problems
  }

  /// The detail, then the problems grouped by file, one a line.
  public var description: String {
    var lines = [detail]
    var file: String?
    for problem in problems {
      if problem.file != file {
        file = problem.file
        lines.append("  \(problem.file)")
      }
      lines.append("    \(problem)")
    }
    return lines.joined(separator: "\n")
  }
}

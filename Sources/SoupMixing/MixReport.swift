/// What a mix did, and what it noticed on the way.
public struct MixReport: Codable, Sendable, Equatable {
  /// Values that are infinite or NaN.
  public struct NonFinite: Codable, Sendable, Equatable {
    /// The ingredient, or nil if every input was finite and the soup overflowed its dtype.
    public let file: String?
    public let tensor: String
    /// How many elements.
    public let count: Int
  }

  public internal(set) var ingredients: Int
  /// Paths of the files with the soup's tensors, and of their index; none for a soup in memory.
  public internal(set) var files: [String]
  public internal(set) var tensors: Int
  /// Elements of all tensors.
  public internal(set) var elements: Int
  /// Bytes of all ingredients' tensors.
  public internal(set) var inputBytes: Int
  /// Size of the output in bytes, with headers and index.
  public internal(set) var outputBytes: Int
  /// Bytes of the output that an earlier process, which was killed, had already written.
  public internal(set) var continuedBytes: Int
  public internal(set) var seconds: Double
  public internal(set) var threads: Int
  /// The instruction set the kernels used.
  public internal(set) var instructions: String
  /// By ingredient and tensor, in recipe and file order.
  public internal(set) var nonFinite: [NonFinite]
  /// Integer tensors of several elements whose values differ between ingredients, although one's were kept.
  public internal(set) var differingIntegers: [String]

  /// The findings as sentences, one for each file, naming its tensors.
  public var warnings: [String] {
    var warnings: [String] = []
    var files: [String?] = []
    for finding in nonFinite where !files.contains(finding.file) { files.append(finding.file) }
    for file in files {
      let tensors = nonFinite.filter { $0.file == file }.map { "\($0.tensor) (\($0.count))" }.joined(separator: ", ")
      warnings.append(
        file.map { "\($0) has NaN or infinite values, and so has the soup: \(tensors)" }
          ?? "the soup overflows its dtype, although its ingredients are finite: \(tensors)")
    }
    if !differingIntegers.isEmpty {
      warnings.append(
        "integer tensors cannot be averaged; one ingredient's values were kept, but they differ: "
          + differingIntegers.joined(separator: ", "))
    }
    return warnings
  }
}

/// How far a mix has come.
public struct MixProgress: Sendable {
  /// Bytes of input that are done.
  public let completedBytes: Int
  public let totalBytes: Int
  /// The tensor a part of which was finished last.
  public let tensor: String
}

/// What is wrong with a data set, its files or a request for batches; says which file, what was expected, what was found,
/// and what to do.
public struct DataError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Code: String, Sendable, Hashable, CaseIterable {
    /// A file or folder is not there.
    case notFound
    /// A file is there but the system does not let us read it.
    case unreadable
    /// A file's bytes are not what its format says: magic number, checksum, impossible header.
    case damaged
    /// A file is shorter or longer than it must be.
    case wrongSize
    /// Two files disagree about the number of images.
    case countMismatch
    /// A header claims more than may be allocated for one image or archive entry.
    case tooLarge
    /// A valid file of a kind that is not read.
    case unsupported
    /// A label names no class.
    case labelOutOfRange
    /// No data set of that name is known.
    case unknownDataset
    /// A request that cannot be met: a batch size of zero, more held-out images than there are.
    case invalidRequest
  }

  public let code: Code
  /// The file concerned, if one is.
  public let file: String?
  /// What is wrong, in a few words.
  public let problem: String
  public let expected: String?
  public let found: String?
  /// What to do about it.
  public let advice: String?

  public init(
    _ code: Code, file: String? = nil, _ problem: String, expected: String? = nil, found: String? = nil,
    advice: String? = nil
  ) {
    self.code = code
    self.file = file
    self.problem = problem
    self.expected = expected
    self.found = found
    self.advice = advice
  }

  public var description: String {
    var text = file.map { "\($0): \(problem)" } ?? problem
    switch (expected, found) {
    case (let expected?, let found?): text += ": expected \(expected), found \(found)"
    case (let expected?, nil): text += ": expected \(expected)"
    case (nil, let found?): text += ": found \(found)"
    case (nil, nil): break
    }
    if let advice { text += ". \(advice)" }
    return text
  }

  /// The same error with advice, where none was given yet.
  func advising(_ advice: String) -> DataError {
    DataError(code, file: file, problem, expected: expected, found: found, advice: self.advice ?? advice)
  }
}

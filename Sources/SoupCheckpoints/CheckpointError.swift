/// What is wrong with a checkpoint file, or with writing one.
public struct CheckpointError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The kind of problem, for programs. The set may grow.
  public struct Code: RawRepresentable, Sendable, Hashable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The file does not exist, or may not be opened or read.
    public static let cannotRead = Code(rawValue: "cannot-read")
    /// A pipe, a device, or a file of no format that this program reads.
    public static let notSafetensors = Code(rawValue: "not-safetensors")
    /// The file ends before its header or its data does.
    public static let truncated = Code(rawValue: "truncated")
    /// The header's length is beyond the 100 MB that the format allows.
    public static let headerTooLarge = Code(rawValue: "header-too-large")
    /// The header is not one JSON object of the form the format prescribes.
    public static let invalidHeader = Code(rawValue: "invalid-header")
    /// The header is not UTF-8.
    public static let invalidUTF8 = Code(rawValue: "invalid-utf8")
    /// A key occurs twice, so that two readers could see two different files.
    public static let duplicateKey = Code(rawValue: "duplicate-key")
    /// A tensor's name is empty or has control characters.
    public static let invalidName = Code(rawValue: "invalid-name")
    /// The header names a dtype that this program does not know.
    public static let unknownDType = Code(rawValue: "unknown-dtype")
    /// A dimension or offset is negative, not an integer, or too large to be one.
    public static let invalidNumber = Code(rawValue: "invalid-number")
    /// Shape and dtype ask for more bytes, or fewer, than the offsets give.
    public static let sizeMismatch = Code(rawValue: "size-mismatch")
    /// A tensor's offsets are reversed or beyond the file.
    public static let offsetsOutOfRange = Code(rawValue: "offsets-out-of-range")
    /// Two tensors share bytes.
    public static let overlap = Code(rawValue: "overlap")
    /// Bytes of the file belong to no tensor.
    public static let gap = Code(rawValue: "gap")
    /// The zip archive is damaged, or two readers could see two different files in it.
    public static let invalidArchive = Code(rawValue: "invalid-archive")
    /// The pickle is damaged, or its objects are not what PyTorch writes.
    public static let invalidPickle = Code(rawValue: "invalid-pickle")
    /// A pickle asks for a function to be called that does more than make a tensor.
    public static let unsafePickle = Code(rawValue: "unsafe-pickle")
    /// The file uses something of its format that this program does not read: encryption, objects, sparse tensors.
    public static let unsupported = Code(rawValue: "unsupported")
    /// The file asks for far more memory than it has bytes.
    public static let expansion = Code(rawValue: "expansion")
    /// More values, or deeper nesting, than any honest checkpoint has.
    public static let tooComplex = Code(rawValue: "too-complex")
    /// A name that leads out of the archive or folder it is in.
    public static let unsafePath = Code(rawValue: "unsafe-path")
    /// A PyTorch file has nothing under the key that was asked for, or a file of another format was asked for one.
    public static let noSuchKey = Code(rawValue: "no-such-key")
    /// A PyTorch file has several state dicts, or none.
    public static let noStateDict = Code(rawValue: "no-state-dict")
    /// The index of a sharded checkpoint does not agree with the shards.
    public static let invalidIndex = Code(rawValue: "invalid-index")
    /// A folder has no checkpoint, or several.
    public static let noCheckpoint = Code(rawValue: "no-checkpoint")
    /// The checkpoint has no tensor of that name.
    public static let noSuchTensor = Code(rawValue: "no-such-tensor")
    /// The output exists and may not be replaced.
    public static let exists = Code(rawValue: "exists")
    /// The output's folder does not exist or may not be written, or writing failed.
    public static let cannotWrite = Code(rawValue: "cannot-write")
    /// The disk, the quota or the allowed file size is exhausted.
    public static let noSpace = Code(rawValue: "no-space")
  }

  public let code: Code
  /// The file, as the caller named it.
  public let path: String
  /// What was found and what was expected, for people.
  public let detail: String
  /// What to do about it; empty where nothing can be said.
  public let advice: String

  public init(_ code: Code, _ path: String, _ detail: String, advice: String = "") {
    self.code = code
    self.path = path
    self.detail = detail
    self.advice = advice
  }

  public var description: String { "\(path): \(detail)" + (advice.isEmpty ? "" : "; \(advice)") }
}

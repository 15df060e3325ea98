import CTorch

/// What LibTorch refused to do, in its own words (the first lines; its C++ stack trace is left out).
public struct TorchError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of refusal it was.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    public let description: String

    /// Shapes, dtypes, devices or values that do not go together.
    public static let invalidArgument = Code(description: "invalid argument")
    /// The device or the machine has too little memory.
    public static let outOfMemory = Code(description: "out of memory")
    /// LibTorch has no such operation for this dtype or device.
    public static let unsupported = Code(description: "unsupported")
    /// Anything else.
    public static let failed = Code(description: "failed")
  }

  public let code: Code
  public let message: String

  public init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { "LibTorch (\(code)): \(message)" }
}

/// The two out-parameters of a call into `CTorch`.
typealias ErrorOut = UnsafeMutablePointer<ct_error?>
typealias TensorOut = UnsafeMutablePointer<ct_tensor?>

/// Calls into `CTorch` and turns a status into a thrown `TorchError`.
func check(_ body: (ErrorOut) -> ct_status) throws(TorchError) {
  var text: ct_error?
  let status = body(&text)
  guard status != CT_OK else { return }
  defer { ct_error_free(text) }
  let code: TorchError.Code =
    switch status {
    case CT_INVALID_ARGUMENT: .invalidArgument
    case CT_OUT_OF_MEMORY: .outOfMemory
    case CT_UNSUPPORTED: .unsupported
    default: .failed
    }
  throw TorchError(code: code, message: text.map { String(cString: $0) } ?? "no description")
}

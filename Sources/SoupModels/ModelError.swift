/// Why a model cannot be described or built, and what to write instead.
public struct ModelError: Error, Sendable, Hashable, CustomStringConvertible {
  public struct Code: Sendable, Hashable {
    let name: String

    /// No architecture has that name.
    public static let unknownArchitecture = Code(name: "unknownArchitecture")
    /// The architecture has no option of that name, or one is given twice.
    public static let unknownOption = Code(name: "unknownOption")
    /// An option's value is not of its kind, out of range, or does not go with the others.
    public static let invalidOption = Code(name: "invalidOption")
    /// Images have another shape than the model's.
    public static let imageShape = Code(name: "imageShape")
    /// Logits were asked of an encoder without a classifier.
    public static let noClassifier = Code(name: "noClassifier")
    /// A network gives logits only, where features were asked for.
    public static let noFeatures = Code(name: "noFeatures")
    /// A state dict does not tell what it belongs to.
    public static let notRecognised = Code(name: "notRecognised")
  }

  public let code: Code
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }

  static func noClassifier(_ configuration: ModelConfiguration) -> ModelError {
    ModelError(
      .noClassifier,
      "'\(configuration)' has no classifier; soup probe fits one to it, soup train --reset-head trains one with it")
  }
}

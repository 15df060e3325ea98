/// A stretch of a run, in epochs or in optimizer steps: `0.5`, `2 epochs`, `200 steps`.
public enum TrainingInterval: Codable, Sendable, Hashable, CustomStringConvertible {
  case epochs(Double)
  case steps(Int)

  /// A number of epochs, or one followed by `epochs` or `steps`, with or without a space. Nil for anything else.
  public init?(_ text: some StringProtocol) {
    let number = text.prefix { !$0.isLetter && $0 != " " }
    switch text.dropFirst(number.count).drop(while: { $0 == " " }) {
    case "", "epoch", "epochs":
      guard let value = Double(number) else { return nil }
      self = .epochs(value)
    case "step", "steps":
      guard let value = Int(number) else { return nil }
      self = .steps(value)
    default: return nil
    }
  }

  public var description: String {
    switch self {
    case .epochs(let value): "\(value) epochs"
    case .steps(let value): "\(value) steps"
    }
  }

  /// Whole steps, at least 1.
  public func steps(perEpoch: Int) -> Int {
    switch self {
    case .epochs(let value): max(1, Int((value * Double(perEpoch)).rounded()))
    case .steps(let value): max(1, value)
    }
  }

  var isPositive: Bool {
    switch self {
    case .epochs(let value): value > 0 && value.isFinite
    case .steps(let value): value > 0
    }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let value = Self(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is no number of epochs or steps")
    }
    self = value
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

import ArgumentParser
import SoupData

extension CorruptionSuite: ExpressibleByArgument {}
extension CorruptionKind: ExpressibleByArgument {}

/// Which corruptions, with which pictures: the same words in every command.
public struct CorruptionOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Only these corruptions, as fog,snow. (default: all)", valueName: "names"))
  public var corruption: [String] = []

  @Option(
    help: ArgumentHelp(
      "JPEG and PNG files for frost, mosaic and stickers. (default: generated ones)", valueName: "folder"))
  public var bank: String?

  public init() {}

  /// Those that were named; nil for all.
  /// - Parameter suite: whose they must be; nil for any.
  public func kinds(of suite: CorruptionSuite? = nil) throws -> [CorruptionKind]? {
    let names = corruption.flatMap(ListText.parts)
    guard !names.isEmpty else { return nil }
    let kinds = names.map { CorruptionKind(rawValue: $0.replacing("-", with: "_").lowercased()) }
    let known = suite?.kinds ?? CorruptionKind.allCases
    let unknown = zip(names, kinds).filter { $1.map { !known.contains($0) } ?? true }.map(\.0)
    guard unknown.isEmpty else {
      throw ValidationError(
        "\(suite.map { "\($0.rawValue) has" } ?? "There is") no corruption \(unknown.joined(separator: ", ")); "
          + "\(suite == nil ? "there are" : "it has") " + known.map(\.rawValue).joined(separator: ", "))
    }
    return kinds.compactMap { $0 }
  }

  /// The user's pictures.
  public func textures() throws -> TextureBank? { try bank.map { try TextureBank(folder: $0) } }

  /// Which of them were given.
  public var given: [String] {
    [("--corruption", !corruption.isEmpty), ("--bank", bank != nil)].filter(\.1).map(\.0)
  }
}

/// How strong corruptions are.
public struct SeverityOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Only these severities, as 3 or 1,3,5. (default: 1 to 5)", valueName: "numbers"))
  public var severity: [String] = []

  public init() {}

  public func validate() throws { _ = try severities() }

  /// In order, each once.
  public func severities() throws -> [Int] {
    let texts = severity.flatMap(ListText.parts)
    guard !severity.isEmpty else { return Array(1...5) }
    let numbers = try texts.map { text in
      guard let number = Int(text), (1...5).contains(number) else {
        throw ValidationError("--severity takes numbers from 1 to 5, found '\(text)'")
      }
      return number
    }
    guard Set(numbers).count == numbers.count, !numbers.isEmpty else {
      throw ValidationError("--severity takes different numbers, found '\(severity.joined(separator: ","))'")
    }
    return numbers.sorted()
  }
}

/// `fog,snow` and `fog, snow`; nothing between two commas is kept, to be refused.
private enum ListText {
  static func parts(_ text: String) -> [String] {
    text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
  }
}

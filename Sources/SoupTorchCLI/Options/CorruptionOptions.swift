import ArgumentParser
import SoupCLI
import SoupData

extension CorruptionSuite: ExpressibleByArgument {}

/// Which corruptions images come under.
struct CorruptionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The corruptions of a benchmark, made in memory from these images: cifar-c (19), imagenet-c (15), "
        + "imagenet-c-extra (4) or laion-c (6).", valueName: "name"))
  var shift: CorruptionSuite?

  @Option(help: ArgumentHelp("Only these corruptions, as fog,snow. (default: all)", valueName: "names"))
  var corruption: [String] = []

  @Option(help: ArgumentHelp("Only these severities, as 3 or 1,3,5. (default: 1 to 5)", valueName: "numbers"))
  var severity: [String] = []

  @Option(help: ArgumentHelp("Seed of random corruptions. (default: 0)", valueName: "n"))
  var shiftSeed: UInt64?

  @Option(
    help: ArgumentHelp(
      "JPEG and PNG files for frost, mosaic and stickers. (default: generated ones)", valueName: "folder"))
  var bank: String?

  func validate() throws {
    _ = try severities()
    if let shift { _ = try kinds(of: shift) }
  }

  /// The options that were given and mean nothing without a shift.
  var given: [String] {
    [
      ("--shift-seed", shiftSeed != nil), ("--corruption", !corruption.isEmpty), ("--severity", !severity.isEmpty),
      ("--bank", bank != nil),
    ].filter(\.1).map(\.0)
  }

  func textures() throws -> TextureBank? { try bank.map { try TextureBank(folder: $0) } }

  /// The corruptions that were named; nil for all.
  func kinds(of shift: CorruptionSuite) throws -> [CorruptionKind]? {
    let names = corruption.flatMap(Self.parts)
    guard !names.isEmpty else { return nil }
    let kinds = names.map { CorruptionKind(rawValue: $0.replacing("-", with: "_")) }
    let unknown = zip(names, kinds).filter { $1.map { !shift.kinds.contains($0) } ?? true }.map(\.0)
    guard unknown.isEmpty else {
      throw ValidationError(
        "\(shift.rawValue) has no corruption \(unknown.joined(separator: ", ")); it has "
          + shift.kinds.map(\.rawValue).joined(separator: ", "))
    }
    return kinds.compactMap { $0 }
  }

  func severities() throws -> [Int] {
    let texts = severity.flatMap(Self.parts)
    guard !texts.isEmpty else { return Array(1...5) }
    return try texts.map { text in
      guard let number = Int(text), (1...5).contains(number) else {
        throw ValidationError("--severity takes numbers from 1 to 5, found '\(text)'")
      }
      return number
    }
  }

  private static func parts(_ text: String) -> [String] {
    text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
  }
}

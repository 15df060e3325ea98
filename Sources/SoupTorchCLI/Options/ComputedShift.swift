import ArgumentParser
import SoupData
import SoupDataCLI

/// Corruptions that are made in memory, of a benchmark's.
struct ComputedShift: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The corruptions of a benchmark, made in memory from these images: cifar-c (19), imagenet-c (15), "
        + "imagenet-c-extra (4) or laion-c (6).", valueName: "name"))
  var shift: CorruptionSuite?

  @OptionGroup var options: CorruptionOptions
  @OptionGroup var strength: SeverityOptions

  @Option(help: ArgumentHelp("Seed of random corruptions. (default: 0)", valueName: "n"))
  var shiftSeed: UInt64?

  func validate() throws {
    if let shift { _ = try kinds(of: shift) }
  }

  /// The options that were given and mean nothing without a shift.
  var given: [String] {
    options.given
      + [("--severity", !strength.severity.isEmpty), ("--shift-seed", shiftSeed != nil)].filter(\.1).map(\.0)
  }

  /// What to do about options that mean nothing.
  static let advice = "say which benchmark's, as --shift cifar-c"

  var bank: String? { options.bank }
  func textures() throws -> TextureBank? { try options.textures() }
  func kinds(of shift: CorruptionSuite) throws -> [CorruptionKind]? { try options.kinds(of: shift) }
  func severities() throws -> [Int] { try strength.severities() }
}

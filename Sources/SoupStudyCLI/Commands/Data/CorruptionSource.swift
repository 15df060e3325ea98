import ArgumentParser
import SoupData
import SoupDataCLI

extension CorruptionTable: ExpressibleByArgument {}
extension CorruptionLayout: ExpressibleByArgument {}

/// Corruptions by name or by benchmark, and how they are made.
struct CorruptionSource: ParsableArguments {
  @OptionGroup var options: CorruptionOptions

  @Option(
    name: .long,
    help: ArgumentHelp("Those of a benchmark.", valueName: "suite"))
  var suite: CorruptionSuite?

  @Option(
    name: .long,
    help: ArgumentHelp("The published parameters for images of this size.", valueName: "size"))
  var table: CorruptionTable = .automatic

  @Option(name: .long, help: ArgumentHelp("Seed of all random numbers.", valueName: "n"))
  var seed: UInt64 = 0

  func validate() throws {
    if !options.corruption.isEmpty, suite != nil {
      throw ValidationError("Give --corruption or --suite, not both.")
    }
    _ = try options.kinds()
  }

  var isChosen: Bool { suite != nil || !options.corruption.isEmpty }
  var bank: String? { options.bank }
  func textures() throws -> TextureBank? { try options.textures() }

  /// What was asked for, or a suite.
  func kinds(otherwise fallback: CorruptionSuite) throws -> [CorruptionKind] {
    try options.kinds() ?? (suite ?? fallback).kinds
  }
}

import ArgumentParser
import Foundation
import SoupCLI
import SoupData

extension CorruptionTable: ExpressibleByArgument {}
extension CorruptionLayout: ExpressibleByArgument {}
extension CorruptionSuite: ExpressibleByArgument {}
extension CorruptionKind: ExpressibleByArgument {}

/// Which corruptions, how strong, with which pictures.
struct CorruptionOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp("Only these, by name, joined by commas; see 'soup data corruptions'.", valueName: "names"))
  var corruption: String?

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

  @Option(
    name: .long,
    help: ArgumentHelp("JPEG and PNG files for frost, mosaic and stickers; else generated ones.", valueName: "folder"))
  var bank: String?

  func validate() throws {
    if corruption != nil, suite != nil { throw ValidationError("Give --corruption or --suite, not both.") }
    _ = try kinds(otherwise: .cifarC)
  }

  /// What was asked for, or a suite.
  func kinds(otherwise fallback: CorruptionSuite) throws -> [CorruptionKind] {
    guard let corruption else { return (suite ?? fallback).kinds }
    return try corruption.split(separator: ",", omittingEmptySubsequences: false).map { name in
      guard let kind = CorruptionKind(rawValue: name.replacing("-", with: "_").lowercased()) else {
        throw ValidationError(
          "No corruption is called '\(name)'; there are \(CorruptionKind.allCases.map(\.rawValue).joined(separator: ", "))."
        )
      }
      return kind
    }
  }

  /// The user's pictures.
  func textures() throws -> TextureBank? {
    try bank.map { try TextureBank(folder: $0) }
  }
}

import ArgumentParser
import Foundation
import SoupCLI
import SoupStudies

/// `soup study join`
struct StudyJoinCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "join",
    abstract: "Join blocks of pair soups to one table.",
    usage: "soup study join <block> ... --model <name> --checkpoint <file> ... -o <table>",
    discussion: """
      EXAMPLES
        soup landscape pairs a.pt b.pt --csv 1.csv
        soup landscape pairs c.pt a.pt b.pt --between 1 --csv 2.csv
        soup study join 1.csv 2.csv --model a=10/1 --checkpoint a.pt \\
          --model b=10/2 --checkpoint b.pt --model c=20/1 --checkpoint c.pt \\
          -o pairs.csv

      A model may be said to have left a trunk: NAME=EPOCH/VARIANT. Every pair must be there once. The table is for 'soup \
      analyze pairs'; of soups measured under further policies of batch norm there is one for each beside it, \
      pairs-recompute.csv. Without blocks, --similarities is written by the same names.
      """)

  @Argument(help: ArgumentHelp("What 'soup landscape pairs --csv' wrote.", valueName: "block"))
  var blocks: [String] = []
  @Option(
    parsing: .singleValue, help: ArgumentHelp("Name of a model, as NAME or NAME=EPOCH/VARIANT.", valueName: "name"))
  var model: [String]
  @Option(parsing: .singleValue, help: ArgumentHelp("Its checkpoint, as the blocks name it.", valueName: "file"))
  var checkpoint: [String]
  @Option(help: ArgumentHelp("What 'soup compare --csv' wrote.", valueName: "file")) var similarities: String?
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("The table to write (CSV).", valueName: "table"))
  var outputPath: String
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if model.count != checkpoint.count || model.count < 2 {
      throw ValidationError("\(model.count) --model need as many --checkpoint, at least 2; found \(checkpoint.count)")
    }
    if blocks.isEmpty == (similarities == nil) {
      throw ValidationError("Name the blocks to join, or --similarities to write by their models' names.")
    }
    for model in model where Self.parse(model, "") == nil {
      throw ValidationError("--model: expected NAME or NAME=EPOCH/VARIANT, found '\(model)'")
    }
  }

  func run(_ console: Console) throws {
    let joined = try PairBlocks(blocks, models: zip(model, checkpoint).compactMap(Self.parse))
    let table = URL(fileURLWithPath: outputPath)
    if let similarities {
      try Data(joined.renamed(similarities: similarities).utf8).write(to: table, options: .atomic)
      if console.isJSON { try console.emit(["output": outputPath]) }
      return
    }
    for policy in joined.policies.dropFirst() {
      let other = table.deletingLastPathComponent().appendingPathComponent(PairBlocks.file(policy: policy))
      try Data(joined.csv(policy: policy).utf8).write(to: other, options: .atomic)
    }
    try Data(joined.csv().utf8).write(to: table, options: .atomic)
    let summary = joined.summary
    if console.isJSON {
      try console.emit(summary)
    } else {
      console.print(
        "\(outputPath): \(summary.pairs) pairs of \(summary.models) models; \(summary.gainAccuracy) soups are more accurate than "
          + "both parents, \(summary.gainLoss) have a lower loss")
    }
  }

  private static func parse(_ text: String, _ checkpoint: String) -> PairBlocks.Model? {
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    guard let name = parts.first else { return nil }
    guard parts.count == 2 else { return PairBlocks.Model(name: name, checkpoint: checkpoint) }
    let place = parts[1].split(separator: "/", maxSplits: 1)
    guard let epoch = place.first.flatMap({ Int($0) }) else { return nil }
    return PairBlocks.Model(
      name: name, checkpoint: checkpoint, branch: epoch, variant: place.count > 1 ? String(place[1]) : nil)
  }
}

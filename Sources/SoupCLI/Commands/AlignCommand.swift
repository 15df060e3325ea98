import ArgumentParser
import Foundation
import SoupAlignment
import SoupCheckpoints
import SoupTensors

/// `soup align`
struct AlignCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "align",
    abstract: "Renumber a network's hidden units to fit another's, before they are mixed.",
    usage: "soup align <a> <b> -o <checkpoint> [<options>]",
    discussion: """
      Two networks that were trained apart can compute alike with their units in other places; their mean is then \
      no network. Weight matching (Git Re-Basin) exchanges channels, hidden units and attention heads of b so that its \
      weights come as near to those of a as they can. What b computes stays the same: every value is there, to the \
      bit, in another place. ResNets of torchvision's, weiaicunzai's and akamaster's names, and timm's ViTs.

      EXAMPLES
        soup align a.safetensors b.safetensors -o b-aligned.safetensors
        soup mix a.safetensors b-aligned.safetensors -o soup.safetensors
        soup landscape line a.safetensors b-aligned.safetensors \\
          --batch-norm recompute
      """)

  @Argument(help: ArgumentHelp("What the other is brought near to; it stays as it is.", valueName: "a"))
  var first: String

  @Argument(help: ArgumentHelp("The network to renumber.", valueName: "b"))
  var second: String

  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("The renumbered b (*.safetensors).", valueName: "checkpoint"))
  var outputPath: String

  @Option(
    help: ArgumentHelp(
      "Attention heads of a ViT. (default: as recorded, else 64 dimensions each)", valueName: "n"))
  var heads: Int?

  @Option(help: ArgumentHelp("Passes over all layers at most.", valueName: "n"))
  var sweeps = 100

  @Option(help: ArgumentHelp("Seed of the order in which layers are matched.", valueName: "n"))
  var seed: UInt64 = 0

  @Option(help: ArgumentHelp("Threads; all cores by default. The result is the same.", valueName: "n"))
  var threads: Int?

  @Flag(help: "Replace the output if it exists; it may be b.")
  var force = false

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1, found \(threads)") }
    if let heads, heads < 1 { throw ValidationError("--heads must be at least 1, found \(heads)") }
    if sweeps < 1 { throw ValidationError("--sweeps must be at least 1, found \(sweeps)") }
    if !outputPath.hasSuffix(".safetensors") {
      throw ValidationError(
        "the output is a *.safetensors file, found '\(outputPath)'; soup convert writes other formats")
    }
  }

  func run(_ console: Console) throws {
    if !force, FileManager.default.fileExists(atPath: outputPath) {
      throw CheckpointError(
        .exists, outputPath, "exists already", advice: "replace it with --force, or name another file")
    }
    let a = try Checkpoint(contentsOf: first).stateDict()
    let b = try Checkpoint(contentsOf: second).stateDict()
    var matching = WeightMatching(sweeps: sweeps, seed: seed)
    if let threads { matching.threads = threads }
    let start = ContinuousClock.now
    let bar = console.progress("Aligning", unit: .items("matchings"))
    let result = try matching.align(b, to: a, heads: heads) { sweep in
      bar.advance(by: 1, message: sweep == 0 ? "along the network" : "pass \(sweep)")
    }
    bar.finish()
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let (specification, permutations) = (result.specification, result.permutations)
    let moved = zip(specification.groups, permutations.orders).map { group, order in
      Moved(group: group.name, units: group.size, moved: order.enumerated().count { $0 != $1 })
    }
    var weights = result.weights
    let record = Record(
      to: URL(fileURLWithPath: first).lastPathComponent, units: specification.unitCount, moved: permutations.moved,
      before: result.before, after: result.after)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    weights.metadata["format"] = "pt"
    weights.metadata["soup.alignment"] = String(decoding: try encoder.encode(record), as: UTF8.self)
    try CheckpointWriter.write(weights, to: outputPath)

    if !result.converged { console.warn("still changing after \(sweeps) passes; --sweeps allows more") }
    if console.isJSON {
      try console.emit(
        Report(
          output: outputPath, architecture: specification.architecture, units: specification.unitCount,
          moved: permutations.moved, before: result.before, after: result.after, sweeps: result.sweeps,
          converged: result.converged, seconds: seconds, groups: moved))
      return
    }
    var table = Table([.init(""), .init("distance", .right), .init("cosine", .right)])
    for (name, similarity) in [("before", result.before), ("after", result.after)] {
      table.add([name, Format.significant(similarity.distance, 5), Format.fixed(similarity.cosine, 5)])
    }
    console.print(table)
    console.print(
      "\(outputPath): \(Format.count(permutations.moved)) of \(Format.count(specification.unitCount)) units in "
        + "\(Format.count(specification.groups.count)) groups moved, \(Format.count(result.sweeps)) passes in "
        + Format.duration(seconds))
  }

  /// What stands in the checkpoint.
  private struct Record: Encodable {
    let to: String
    let units: Int
    let moved: Int
    let before: WeightMatching.Similarity
    let after: WeightMatching.Similarity
  }

  private struct Moved: Encodable {
    let group: String
    let units: Int
    let moved: Int
  }

  private struct Report: Encodable {
    let output: String
    let architecture: String
    let units: Int
    let moved: Int
    let before: WeightMatching.Similarity
    let after: WeightMatching.Similarity
    let sweeps: Int
    let converged: Bool
    let seconds: Double
    let groups: [Moved]
  }
}

import ArgumentParser
import SoupMixing

/// What `soup compare` compares, and where its numbers go; the same with data and without.
public struct CompareOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("Checkpoints, folders of them, patterns.", valueName: "checkpoint"))
  public var checkpoints: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The checkpoint that all come from: adds cosine, angle and equal signs of task vectors.", valueName: "file"))
  public var base: String?

  @Flag(name: .long, help: "Compare the tensors that all have in one shape.")
  public var common = false

  @Flag(name: .customLong("all-tensors"), help: "Compare running statistics and integers too.")
  public var allTensors = false

  @Option(
    name: .long,
    help: ArgumentHelp("Put pairs in the order of this measure, the most alike first.", valueName: "measure"))
  public var sort: String?

  @Option(name: .long, help: ArgumentHelp("How many pairs to print; 0 for none.", valueName: "n"))
  public var top = 20

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Write all pairs, a measure a column; 'soup analyze pairs --similarities' reads it.", valueName: "file"))
  public var csv: String?

  @Option(name: .long, help: ArgumentHelp("Write a page with a clustered heat map of each measure.", valueName: "file"))
  public var html: String?

  @Option(
    name: .long,
    help: ArgumentHelp("What 'soup analyze pairs --predictor' wrote: the chance that two soup.", valueName: "file"))
  public var predictor: String?

  @Option(
    name: .customLong("max-memory"),
    help: ArgumentHelp("Memory that comparing weights may take, such as 500MB or 2GB.", valueName: "size"))
  var maximumMemory = ByteCount(WeightSimilarity.defaultMaximumMemory)

  public init() {}

  public func validate() throws {
    if checkpoints.isEmpty { throw ValidationError("Name the checkpoints to compare, or a folder of them.") }
    if top < 0 { throw ValidationError("--top must be at least 0.") }
  }

  /// The checkpoints' paths.
  /// - Throws: for fewer than two, and for one that is named twice.
  public func paths() throws -> [String] {
    var paths: [String] = []
    for path in try CheckpointPaths.expand(checkpoints) where !paths.contains(path) { paths.append(path) }
    guard paths.count > 1 else {
      throw PathFailure(problems: [
        "comparing needs two checkpoints; \(checkpoints.joined(separator: ", ")) gives \(paths.count)"
      ])
    }
    return paths
  }
}

/// The images that `soup compare` looks at models with.
public struct CompareDataOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Dataset, as for soup train: adds what models say on it (needs LibTorch).", valueName: "dataset"))
  public var data: String?

  @Option(name: .long, help: ArgumentHelp("test, held-out or train.", valueName: "part"))
  public var split = "test"

  @Option(name: .long, help: ArgumentHelp("Take this many of the images, evenly spread.", valueName: "n"))
  public var images: Int?

  @Option(
    name: .long,
    help: ArgumentHelp("Architecture of checkpoints that do not reveal it, or a TorchScript file.", valueName: "name"))
  public var model: String?

  @Option(name: .customLong("batch-size"), help: ArgumentHelp("Images per forward pass.", valueName: "n"))
  public var batchSize = 128

  @Option(name: .long, help: ArgumentHelp("cpu, cuda:0, mps, …", valueName: "name"))
  public var device = "cpu"

  public init() {}

  public func validate() throws {
    if let images, images < 2 { throw ValidationError("--images must be at least 2.") }
    if batchSize < 1 { throw ValidationError("--batch-size must be at least 1.") }
  }
}

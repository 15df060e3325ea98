import ArgumentParser
import Foundation
import SoupTraining

/// Trunks that keep states, and branches that start from one.
struct BranchOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Keep a state to branch from every n epochs, as NAME-epoch-5.state beside the output.", valueName: "n"))
  var checkpointEvery: Int?

  @Option(help: ArgumentHelp("The first epoch of such a state. (default: --checkpoint-every)", valueName: "epoch"))
  var checkpointFrom: Int?

  @Option(
    help: ArgumentHelp(
      "Continue from this state of a trunk, with its settings, scaled as below, and --seed.", valueName: "state"))
  var branch: String?

  @Option(help: ArgumentHelp("Multiply the trunk's learning rate. (default: 1)", valueName: "x"))
  var lrScale: Double?

  @Option(help: ArgumentHelp("Multiply the trunk's momentum; it must stay below 1. (default: 1)", valueName: "x"))
  var momentumScale: Double?

  @Option(help: ArgumentHelp("Multiply the trunk's weight decay. (default: 1)", valueName: "x"))
  var weightDecayScale: Double?

  @Option(
    help: ArgumentHelp("Go on for n epochs past --epochs; a cosine rises again from 0.", valueName: "n"))
  var extraEpochs: Double?

  func validate() throws {
    if let checkpointEvery, checkpointEvery < 1 {
      throw ValidationError("--checkpoint-every must be at least 1, found \(checkpointEvery)")
    }
    if let checkpointFrom {
      if checkpointEvery == nil { throw ValidationError("--checkpoint-from needs --checkpoint-every") }
      if checkpointFrom < 1 { throw ValidationError("--checkpoint-from must be at least 1, found \(checkpointFrom)") }
    }
    if let extraEpochs, !(extraEpochs >= 0) {
      throw ValidationError("--extra-epochs must be 0 or more, found \(extraEpochs)")
    }
    guard branch != nil else {
      if lrScale != nil || momentumScale != nil || weightDecayScale != nil || extraEpochs != nil {
        throw ValidationError("--lr-scale, --momentum-scale, --weight-decay-scale and --extra-epochs need --branch")
      }
      return
    }
    let given = Self.trunkOptions(in: CommandLine.arguments)
    if !given.isEmpty {
      throw ValidationError(
        "a branch has its trunk's settings: leave \(given.joined(separator: ", ")) away. It takes --lr-scale, "
          + "--momentum-scale, --weight-decay-scale, --epochs, --seed, --keep and the averages along the run")
    }
  }

  var checkpoints: CheckpointInterval? {
    checkpointEvery.map { CheckpointInterval(every: $0, first: checkpointFrom) }
  }

  func point() throws -> BranchPoint? { try branch.map { try BranchPoint(contentsOf: $0) } }

  var scales: BranchScales {
    BranchScales(learningRate: lrScale ?? 1, momentum: momentumScale ?? 1, weightDecay: weightDecayScale ?? 1)
  }

  /// Options of those given that describe the trunk. The parser does not tell a default from the same value given.
  private static func trunkOptions(in arguments: [String]) -> [String] {
    arguments.dropFirst().map { String($0.prefix { $0 != "=" }) }.filter(ofTheTrunk.contains)
  }

  private static let ofTheTrunk: Set<String> = [
    "--model", "--from", "--reset-head", "--held-out", "--split-seed", "--batch-size", "--optimizer", "--lr",
    "--weight-decay", "--no-decay-on-norms", "--momentum", "--nesterov", "--no-nesterov", "--betas", "--schedule",
    "--warmup", "--warmup-fraction", "--milestones", "--clip-norm", "--objective", "--head-lr", "--head-warmup",
    "--split",
    "--subset", "--shift", "--steps", "--augment", "--label-smoothing", "--mixup", "--drop-path", "--ema",
    "--precision",
  ]
}

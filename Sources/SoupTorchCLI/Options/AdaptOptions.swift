import ArgumentParser
import SoupSeasoning
import SoupTorch

/// Mixing at test time, as `--adapt` asks for.
struct AdaptOptions: ParsableArguments {
  @Flag(help: "Also mix the checkpoints anew for every batch, without labels.") var adapt = false

  @Option(help: ArgumentHelp("Steps of Adam on each batch. (default: 5)", valueName: "n")) var adaptSteps: Int?
  @Option(help: ArgumentHelp("Learning rate of Adam. (default: 0.1)", valueName: "rate")) var adaptRate: Double?
  @Option(help: ArgumentHelp("Nearest images of the batch that count. (default: 16)", valueName: "k"))
  var adaptNeighbours: Int?

  @Flag(help: "Start each batch from the mixture of the one before rather than from the uniform soup.")
  var adaptStream = false

  func validate() throws {
    let given = [
      ("--adapt-steps", adaptSteps != nil), ("--adapt-rate", adaptRate != nil),
      ("--adapt-neighbours", adaptNeighbours != nil), ("--adapt-stream", adaptStream),
    ].filter(\.1).map(\.0)
    if !adapt, !given.isEmpty { throw ValidationError("\(given.joined(separator: ", ")) need --adapt") }
    if let adaptSteps, adaptSteps < 1 { throw ValidationError("--adapt-steps must be at least 1, found \(adaptSteps)") }
    if let adaptRate, !(adaptRate > 0 && adaptRate.isFinite) {
      throw ValidationError("--adapt-rate must be above 0, found \(adaptRate)")
    }
    if let adaptNeighbours, adaptNeighbours < 2 {
      throw ValidationError("--adapt-neighbours must be at least 2, found \(adaptNeighbours)")
    }
  }

  func configuration(precision: Precision) -> TestTimeMixing {
    TestTimeMixing(
      objective: NeighbourEntropy(neighbours: adaptNeighbours ?? 16), steps: adaptSteps ?? 5,
      learningRate: adaptRate ?? 0.1, carriesOver: adaptStream, precision: precision)
  }
}

import ArgumentParser
import SoupTraining

/// Averages along one run.
struct AveragingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Average the weights over the steps with this decay, as 0.999; the average is the result.", valueName: "decay"))
  var ema: Double?

  @Option(
    help: ArgumentHelp("Stochastic weight averaging from this epoch on, written beside the output.", valueName: "epoch")
  )
  var swaStart: Double?

  @Option(
    help: ArgumentHelp(
      "SWA's learning rate, constant or the highest of a cycle. (default: half of --lr)", valueName: "rate"))
  var swaLr: Double?

  @Option(help: ArgumentHelp("Epochs of a linear change from the schedule's rate to SWA's.", valueName: "n"))
  var swaAnneal = 0.0

  @Option(
    help: ArgumentHelp(
      "Cycle the rate, and average at the end of every cycle: epochs, or steps as 200steps.", valueName: "length"))
  var swaCycle: TrainingInterval?

  @Option(
    help: ArgumentHelp("The rate at the end of a cycle. (default: a hundredth of --swa-lr)", valueName: "rate"))
  var swaLowestLr: Double?

  @Option(
    help: ArgumentHelp("Between two weights that SWA averages. (default: a cycle, or an epoch)", valueName: "length"))
  var swaEvery: TrainingInterval?

  @Option(help: ArgumentHelp("SWA's checkpoint. (default: as NAME-swa.safetensors)", valueName: "path"))
  var swaOutput: String?

  @Option(
    help: ArgumentHelp(
      "Latest weight averaging: the mean of the last k weights, written beside the output.", valueName: "k"))
  var lawaWindow: Int?

  @Option(help: ArgumentHelp("Between two weights that LAWA takes: epochs, or steps as 200steps.", valueName: "length"))
  var lawaEvery: TrainingInterval = .epochs(1)

  @Option(help: ArgumentHelp("LAWA's checkpoint. (default: as NAME-lawa.safetensors)", valueName: "path"))
  var lawaOutput: String?

  @Option(
    help: ArgumentHelp(
      "Running statistics of averages: average, or recompute on training batches. (default: recompute for SWA)",
      valueName: "policy"))
  var averageBatchNorm: AverageStatistics?

  func validate() throws {
    if swaStart == nil,
      swaLr != nil || swaAnneal != 0 || swaCycle != nil || swaLowestLr != nil || swaEvery != nil
        || swaOutput != nil
    {
      throw ValidationError("the options of SWA need --swa-start")
    }
    if lawaWindow == nil, lawaEvery != .epochs(1) || lawaOutput != nil {
      throw ValidationError("--lawa-every and --lawa-output need --lawa-window")
    }
  }

  /// - Parameter learningRate: the highest of the schedule.
  func swa(learningRate: Double) -> SWAConfiguration? {
    swaStart.map {
      SWAConfiguration(
        start: $0, learningRate: swaLr ?? learningRate / 2, anneal: swaAnneal, cycle: swaCycle,
        lowestRate: swaLowestLr, every: swaEvery)
    }
  }

  var lawa: LAWAConfiguration? { lawaWindow.map { LAWAConfiguration(window: $0, every: lawaEvery) } }
}

extension TrainingInterval: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }

  public var defaultValueDescription: String {
    switch self {
    case .epochs(let value): Int(exactly: value).map { "\($0)" } ?? "\(value)"
    case .steps(let value): "\(value)steps"
    }
  }
}

extension AverageStatistics: ExpressibleByArgument {}

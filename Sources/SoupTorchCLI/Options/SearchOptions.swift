import ArgumentParser
import SoupCLI

/// What the searches that ask a scorer share: who scores, on which images, with which statistics, where.
struct SearchOptions: ParsableArguments {
  @OptionGroup(title: "Scoring") var scoring: ScorerOptions
  @OptionGroup(title: "Nearest neighbours") var neighbours: NeighbourOptions
  @OptionGroup(title: "Data") var data: EvaluationDataOptions
  @OptionGroup(title: "Batch norm") var batchNorm: BatchNormOptions
  @OptionGroup(title: "Computation") var computation: DeviceOptions
  @OptionGroup(title: "Printing") var output: OutputOptions

  func validate() throws {
    try neighbours.check(isUsed: scoring.metric == .knn, "--metric knn")
  }
}

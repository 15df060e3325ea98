import ArgumentParser
import SoupCLI
import SoupEvaluation

/// What all landscapes share: which images, which statistics, where the points go.
struct LandscapeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write every point as it is computed (CSV); run again to continue an interrupted landscape.", valueName: "path"))
  var csv: String?

  @Flag(help: "With --csv: overwrite the file and compute everything again.")
  var restart = false

  @Option(help: ArgumentHelp("Use the first n images only.", valueName: "n"))
  var images: Int?

  @OptionGroup(title: "Data") var data: EvaluationDataOptions

  @Option(
    help: ArgumentHelp(
      "Running statistics at a point: average (the same mixture as the weights), recompute (on training images), or "
        + "copy (the first checkpoint's).", valueName: "policy"))
  var batchNorm: BatchNormPolicies = BatchNormPolicies(values: [.average])

  @OptionGroup var recomputation: BatchNormImageOptions

  @OptionGroup(title: "Computation") var computation: DeviceOptions
  @OptionGroup(title: "Printing") var output: OutputOptions

  func validate() throws {
    if let images, images < 1 { throw ValidationError("--images must be at least 1, found \(images)") }
    if restart, csv == nil { throw ValidationError("--restart goes with --csv") }
  }
}

/// One policy, or several joined by commas.
struct BatchNormPolicies: ExpressibleByArgument {
  var values: [WeightSpace.BatchNormPolicy]
  var defaultValueDescription: String { values.map(\.rawValue).joined(separator: ",") }
  static var allValueStrings: [String] { WeightSpace.BatchNormPolicy.allCases.map(\.rawValue) }

  init(values: [WeightSpace.BatchNormPolicy]) { self.values = values }

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    values = parts.compactMap { WeightSpace.BatchNormPolicy(rawValue: String($0)) }
    guard values.count == parts.count, Set(values).count == values.count else { return nil }
  }
}

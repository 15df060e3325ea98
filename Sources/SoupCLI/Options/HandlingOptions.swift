import ArgumentParser
import SoupMixing

/// What becomes of names that not every ingredient has, and of tensors that are not weights.
struct HandlingOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Tensors that not every ingredient has: strict refuses, intersection leaves them out, union mixes those that "
        + "have it.", valueName: "policy"))
  var names: Recipe.NamePolicy?

  @Option(
    name: .long,
    help: ArgumentHelp("With --names intersection: take all other tensors from this checkpoint.", valueName: "file"))
  var restFrom: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Batch norm's running means and variances: mixed like weights, averaged whatever the method, or copied from the "
        + "base or the first.", valueName: "policy"))
  var runningStatistics: String?

  @Option(
    name: .long, help: ArgumentHelp("The name before a layer's number; found if left out.", valueName: "prefix"))
  var layers: String?

  @Option(name: .long, help: "Follow another program where it differs: mergekit (0.1.5).")
  var compat: Recipe.Compatibility?

  var problems: [String] {
    var problems: [String] = []
    if restFrom != nil, names != .intersection { problems.append("--rest-from goes with --names intersection") }
    if let text = runningStatistics, Recipe.StatisticsPolicy(rawValue: text) == nil {
      problems.append(
        text.hasPrefix("recompute")
          ? "running statistics cannot be recomputed without the model and data: mix, then "
            + "'soup evaluate <soup> --batch-norm recompute'"
          : "--running-statistics is '\(text)'; it may be "
            + Recipe.StatisticsPolicy.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return problems
  }

  /// Sets what was given.
  func apply(to recipe: inout Recipe) throws {
    if let names { recipe.names = names }
    if let restFrom { recipe.rest = try CheckpointPaths.expandOne(restFrom, option: "--rest-from") }
    if let runningStatistics { recipe.runningStatistics = Recipe.StatisticsPolicy(rawValue: runningStatistics) }
    if let layers { recipe.layers = layers }
    if let compat { recipe.compatibility = compat }
  }
}

extension Recipe.NamePolicy: ExpressibleByArgument {}
extension Recipe.Compatibility: ExpressibleByArgument {}

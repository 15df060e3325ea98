import ArgumentParser
import SoupCLI
import SoupEvaluation

/// Which number decides in a search, and who gives it.
struct ScorerOptions: ParsableArguments {
  @Option(help: ArgumentHelp("What decides. (default: top1)", valueName: "metric"))
  var metric: Metric?

  @Option(
    help: ArgumentHelp(
      "A program that scores, as 'python eval.py {soup}': run by /bin/sh, {soup} is the path of a safetensors file. It "
        + "prints a number, or JSON with one under \"score\", on its last line. See Guides/BringYourOwn.md.",
      valueName: "command"))
  var scorer: String?

  @Flag(help: "With --scorer: lower is better.")
  var minimize = false

  @Option(help: ArgumentHelp("With --scorer: the number's key in JSON.", valueName: "name"))
  var scorerKey = "score"

  @Option(help: ArgumentHelp("With --scorer: end a run that takes longer.", valueName: "seconds"))
  var scorerTimeout: Double?

  @Option(
    help: ArgumentHelp("With --scorer: folder for soups on trial. (default: /dev/shm)", valueName: "folder"))
  var scratch: String?

  func validate() throws {
    if let metric, metric == .external || metric == .externalLoss {
      throw ValidationError("--metric is top1, top5, loss, ece or knn")
    }
    if scorer != nil, metric != nil { throw ValidationError("--scorer gives its own metric; leave out --metric") }
    if scorer == nil, minimize || scorerTimeout != nil || scratch != nil {
      throw ValidationError("--minimize, --scorer-timeout and --scratch go with --scorer")
    }
    if let scorerTimeout, scorerTimeout <= 0 {
      throw ValidationError("--scorer-timeout must be above 0, found \(scorerTimeout)")
    }
  }

  var effectiveMetric: Metric { scorer == nil ? metric ?? .top1 : minimize ? .externalLoss : .external }
}

extension Metric {
  /// A value for people: fractions in percent, others as they are.
  func text(of score: Score) -> String {
    switch self {
    case .top1, .top5, .ece, .knn: Format.percent(value(of: score)) + " %"
    case .loss: Format.fixed(value(of: score), 4)
    case .external, .externalLoss: "\(value(of: score))"
    }
  }
}

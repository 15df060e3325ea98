import ArgumentParser
import SoupCLI
import SoupStudies

/// `soup study select`
struct StudySelectCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "select",
    abstract: "Pick the best of several checkpoints by their held-out scores.",
    usage: "soup study select <checkpoint> ... --score <file> ... -o <file> [<options>]",
    discussion: """
      EXAMPLES
        soup evaluate a.safetensors --split held-out --json > a.jsonl
        soup evaluate b.safetensors --split held-out --json > b.jsonl
        soup study select a.safetensors b.safetensors \\
          --score a.jsonl --score b.jsonl -o best.safetensors

      One --score for each checkpoint, in order. Scores on test images are refused.
      """)

  @Argument(help: ArgumentHelp("What to choose from.", valueName: "checkpoint")) var checkpoints: [String]
  @Option(parsing: .singleValue, help: ArgumentHelp("What 'soup evaluate --json' printed for it.", valueName: "file"))
  var score: [String]
  @Option(help: ArgumentHelp("top1, top5, loss or ece.", valueName: "metric")) var metric: Selection.Metric = .top1
  @Option(help: ArgumentHelp("1 for the best, 2 for the second, …", valueName: "n")) var rank = 1
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("A second name for the chosen one: a link, or a copy.", valueName: "file"))
  var outputPath: String
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if score.count != checkpoints.count {
      throw ValidationError("\(checkpoints.count) checkpoints need as many --score, found \(score.count)")
    }
    if !(1...checkpoints.count).contains(rank) {
      throw ValidationError("--rank must be in 1…\(checkpoints.count), found \(rank)")
    }
  }

  func run(_ console: Console) throws {
    let selection = try Selection(checkpoints, scores: score, metric: metric)
    let chosen = selection.ranking[rank - 1]
    try Selection.place(chosen.path, at: outputPath)
    if console.isJSON {
      try console.emit(
        Report(
          metric: metric.rawValue, output: outputPath, ranking: selection.ranking, selected: chosen.path,
          value: chosen.value))
    } else {
      console.print("\(outputPath): \(chosen.path), \(metric.rawValue) \(Format.fixed(chosen.value, 4))")
    }
  }

  private struct Report: Encodable {
    let metric: String
    let output: String
    let ranking: [Selection.Candidate]
    let selected: String
    let value: Double
  }
}

extension Selection.Metric: ExpressibleByArgument {}

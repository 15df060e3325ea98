import ArgumentParser
import SoupAnalysis
import SoupMixing

/// `soup compare`: how alike many models are, and whether they will soup. With `--data` it becomes `soup-torch`.
public struct CompareCommand: ConsoleCommand {
  public static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "How alike are these models, and will they soup?",
    usage: "soup compare <checkpoint> … [--base <file>] [--data <dataset>] [<options>]",
    discussion: """
      Compares every two of any number of checkpoints. Without data: distance, cosine \\
      and angle of their weights (without batch norm's running statistics); with --base \\
      also of what fine-tuning did (task vectors). With --data: symmetric KL, \\
      Jensen-Shannon, squared distance and linear CKA of logits, disagreement, and \\
      linear CKA of features. Every file is read once, whatever the number of pairs.

      EXAMPLES
        soup compare a.safetensors b.safetensors c.safetensors
        soup compare runs/ --base base.safetensors --csv similarities.csv
        soup compare runs/ --data fashion-mnist:data/fashion-mnist --html alike.html
        soup compare runs/ --predictor predictor.json --sort cosine_similarity
        soup compare runs/ --json | jq '.pairs[] | select(.cosine_similarity > 0.9)'
      """)

  @OptionGroup var options: CompareOptions
  @OptionGroup(title: "With data") var data: CompareDataOptions

  @Option(name: .long, help: ArgumentHelp("Threads; all cores by default. The result is the same.", valueName: "n"))
  var threads: Int?

  @OptionGroup(title: "Printing") public var output: OutputOptions

  public init() {}

  public func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
  }

  public func run(_ console: Console) throws {
    if data.data != nil { try SiblingProgram.torch.replace(Array(CommandLine.arguments.dropFirst())) }
    let comparison = try Comparison(options, threads: threads, console)
    try comparison.report(options, console)
  }
}

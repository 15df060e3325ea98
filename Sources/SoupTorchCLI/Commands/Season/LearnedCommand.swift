import ArgumentParser
import SoupCLI
import SoupSeasoning

/// `soup season learned`
struct LearnedCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "learned",
    abstract: "Learned soup: one coefficient for each ingredient, by gradient descent on held-out loss.",
    discussion: """
      EXAMPLES
        soup season learned runs/ -o soup.safetensors
        soup season learned runs/ -o soup.safetensors --epochs 10 --recompute-bn

      Minimises the cross-entropy of beta * f(x; sum alpha_i theta_i) on the
      held-out images over alpha, a softmax, and beta, a temperature. The
      ingredients stay on disk: memory is that of training one model, however
      many there are.

      RESUMING
        Run the same command again after Ctrl-C or kill -9: it goes on from
        OUTPUT.state and ends with the same bytes.

      Wortsman et al., 2022, arXiv:2203.05482. Guides/LearnedSoup.md.
      """)

  @OptionGroup var search: LearnedRun
  var output: OutputOptions { search.output }

  func run(_ console: Console) throws {
    try search.run(.model, console)
  }
}

/// `soup season layerwise`
struct LayerwiseCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "layerwise",
    abstract: "Learned soup by layer: a coefficient for each ingredient and parameter tensor.",
    discussion: """
      EXAMPLES
        soup season layerwise runs/ -o soup.safetensors
        soup season layerwise runs/ -o soup.safetensors --recipe soup.json

      As soup season learned, with a softmax of its own for every parameter
      tensor; batch norm's running statistics are mixed by the mean of them all.
      The most flexible of the searches, and the one that fits the held-out
      images most: look at its score on the test set.

      Guides/LearnedSoup.md.
      """)

  @OptionGroup var search: LearnedRun
  var output: OutputOptions { search.output }

  func run(_ console: Console) throws {
    try search.run(.tensor, console)
  }
}

struct LearningOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Learning rate of AdamW, constant. (default: 0.1 learned, 0.05 layerwise)", valueName: "rate"))
  var lr: Double?

  @Option(help: ArgumentHelp("Passes over the held-out images. (default: 3 learned, 5 layerwise)", valueName: "n"))
  var epochs: Int?

  @Option(help: ArgumentHelp("Images per step.", valueName: "n"))
  var stepImages = 256

  @Flag(inversion: .prefixedNo, help: "Learn beta as well.")
  var temperature = true

  @Option(help: ArgumentHelp("Seed of the order of the images.", valueName: "n"))
  var seed: UInt64 = 0

  @Flag(
    name: .customLong("recompute-bn"),
    help: "Recompute the soup's running statistics on training images at the end.")
  var recomputeBN = false

  @Option(help: ArgumentHelp("Training images for --recompute-bn.", valueName: "n"))
  var batchNormImages = 10_000

  @Option(
    help: ArgumentHelp("Also write the soup as a recipe for soup mix (JSON).", valueName: "path"))
  var recipe: String?

  @Option(help: ArgumentHelp("Save the state every n seconds.", valueName: "n"))
  var saveEvery = 30.0

  @Flag(help: "Start over: discard an interrupted search.")
  var restart = false

  func validate() throws {
    if batchNormImages < 1 {
      throw ValidationError("--batch-norm-images must be at least 1, found \(batchNormImages)")
    }
    if stepImages < 1 { throw ValidationError("--step-images must be at least 1, found \(stepImages)") }
    if saveEvery < 0 { throw ValidationError("--save-every must be 0 or more, found \(saveEvery)") }
  }
}

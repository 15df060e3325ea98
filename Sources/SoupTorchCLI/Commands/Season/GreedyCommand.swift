import ArgumentParser
import Foundation
import SoupCLI
import SoupCheckpoints
import SoupEvaluation
import SoupMixing
import SoupSeasoning
import SoupTensors
import SoupTorch

/// `soup season greedy`
struct GreedyCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "greedy",
    abstract: "Greedy soup: add ingredients, the best first, as long as held-out accuracy does not drop.",
    discussion: """
      EXAMPLES
        soup season greedy runs/*.safetensors -o soup.safetensors
        soup season greedy runs/ -o soup.safetensors --accept better --batch-norm recompute

      Ingredients are scored on the held-out images that none of them was trained on; the test set stays untouched for
      soup evaluate. k ingredients take 2k - 1 evaluations. The soup is never worse than the best ingredient on the
      held-out images. Recipe 1 of Wortsman et al., 2022, arXiv:2203.05482.
      """)

  @OptionGroup var seasoning: SeasoningOptions

  @Option(
    help: ArgumentHelp(
      "Keep an ingredient when the soup is not-worse (>=, the paper), or only when it is better (>, the authors' code).",
      valueName: "rule"))
  var accept: GreedySoup.Acceptance = .notWorse

  @Option(help: ArgumentHelp("top1, top5, loss or ece.", valueName: "metric"))
  var metric: Metric = .top1

  @OptionGroup(title: "Data") var data: EvaluationDataOptions
  @OptionGroup(title: "Batch norm") var batchNorm: BatchNormOptions
  @OptionGroup(title: "Computation") var computation: DeviceOptions
  @OptionGroup(title: "Printing") var output: OutputOptions

  func run(_ console: Console) throws {
    try seasoning.checkOutput()
    let soupPath = seasoning.soupPath
    let device = try computation.prepare()
    let ingredients = try Ingredients(seasoning.checkpoints, model: data.namedModel())
    let images = try EvaluationImages(data, for: ingredients, console: console)
    let heldOut = try images.load(.heldOut)
    let evaluator = try Evaluator(
      heldOut, batchSize: data.batchSize, precision: computation.precision(on: device), device: device,
      loaderThreads: computation.loaderThreads)
    let recalibration = try batchNorm.recalibration(
      images, batchSize: data.batchSize, device: device, loaderThreads: computation.loaderThreads)
    let scorer = RecipeScorer(
      model: try ingredients.makeModel(on: device), evaluator: evaluator, recalibration: recalibration)

    let total = (2 * ingredients.paths.count - 1) * heldOut.count
    let bar = console.progress("Tasting", total: total, unit: .items("images"))
    scorer.progress = { [unowned scorer] _, done in bar.update(completed: scorer.evaluations * heldOut.count + done) }
    let greedy = GreedySoup(acceptance: accept, metric: metric)
    let names = Dictionary(zip(ingredients.paths, ingredients.names)) { first, _ in first }
    let result = try greedy.season(ingredients.paths, with: scorer) { progress in
      if case .tried(let step) = progress.event {
        console.note(
          "\(step.accepted ? "+" : "-") \(names[step.candidate] ?? step.candidate): "
            + "soup with it \(metric.text(of: step.score))\(step.accepted ? ", kept" : "")")
      }
    }
    bar.finish()
    var soup = try scorer.weights(result.recipe)
    soup.metadata["soup.seasoning"] = try Console.json(Seasoning(result))
    try CheckpointWriter.write(soup, to: soupPath)
    if console.isJSON {
      try console.emit(Report(output: soupPath, evaluations: scorer.evaluations, result: result))
    } else {
      let best = result.ingredients[0]
      console.print(
        "\(soupPath): \(result.kept.count) of \(ingredients.paths.count) ingredients, held-out "
          + "\(metric.text(of: result.score)); best ingredient \(names[best.path] ?? best.path) "
          + "\(metric.text(of: best.score))")
      for path in result.kept { console.print("  \(path)") }
    }
  }

}

extension GreedyCommand {
  private struct Report: Encodable {
    let output: String
    let evaluations: Int
    let result: GreedyResult
  }

  /// What the soup's metadata tells about the search.
  private struct Seasoning: Encodable {
    let method = "greedy"
    let acceptance: GreedySoup.Acceptance
    let metric: Metric
    let heldOut: Double
    let tried: Int

    init(_ result: GreedyResult) {
      acceptance = result.acceptance
      metric = result.metric
      heldOut = result.metric.value(of: result.score)
      tried = result.ingredients.count
    }
  }
}

extension GreedySoup.Acceptance: ExpressibleByArgument {}

extension Metric {
  /// A value for people: fractions in percent, the loss as it is.
  func text(of score: Score) -> String {
    switch self {
    case .top1, .top5, .ece: Format.percent(value(of: score)) + " %"
    case .loss: Format.fixed(value(of: score), 4)
    }
  }
}

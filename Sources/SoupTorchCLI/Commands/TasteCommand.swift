import ArgumentParser
import Foundation
import SoupCLI
import SoupCheckpoints
import SoupData
import SoupEvaluation
import SoupMixing
import SoupModels
import SoupSeasoning
import SoupTensors
import SoupTorch

/// `soup taste`
struct TasteCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "taste",
    abstract: "Checkpoints in, one table out: each ingredient, uniform and greedy soup, ensemble.",
    discussion: """
      EXAMPLES
        soup taste runs/
        soup taste runs/*.safetensors --base base.safetensors -o greedy.safetensors

      The greedy soup and the best ingredient are chosen on held-out images; the test
      set is only reported. Columns show the training settings in which the
      ingredients differ. Test accuracies have 95 % intervals, and each row is
      compared with the best ingredient on the same images: difference (paired
      bootstrap) and McNemar's exact p. The last column is the cost of one prediction
      in forward passes.
      """)

  @Argument(help: ArgumentHelp("Checkpoints, or folders of them.", valueName: "checkpoint"))
  var checkpoints: [String]

  @Option(
    help: ArgumentHelp("Also show the weights that the ingredients were fine-tuned from.", valueName: "checkpoint"))
  var base: String?

  @Option(
    help: ArgumentHelp("Acceptance rule of the greedy soup: not-worse (>=) or better (>).", valueName: "rule"))
  var accept: GreedySoup.Acceptance = .notWorse

  @Option(
    name: [.customShort("o"), .customLong("output")], help: ArgumentHelp("Write the greedy soup.", valueName: "path"))
  var soupPath: String?

  @Flag(help: "Replace an existing output.") var force = false

  @OptionGroup(title: "Data") var data: EvaluationDataOptions
  @OptionGroup(title: "Batch norm") var batchNorm: BatchNormOptions
  @OptionGroup(title: "Computation") var computation: DeviceOptions
  @OptionGroup(title: "Printing") var output: OutputOptions

  func run(_ console: Console) throws {
    if let soupPath, !force, FileManager.default.fileExists(atPath: soupPath) {
      throw CheckpointError(.exists, soupPath, "the output exists already", advice: "replace it with --force")
    }
    let device = try computation.prepare()
    let ingredients = try Ingredients(checkpoints, model: data.namedModel())
    let images = try EvaluationImages(data, for: ingredients, console: console)
    let tasting = try Tasting(
      ingredients, heldOut: scorer(.heldOut, images, ingredients, device),
      test: scorer(.test, images, ingredients, device), base: base)
    // Every ingredient, every greedy step, the uniform soup, and the two soups and the base once more on test.
    let k = ingredients.paths.count
    let heldOutRuns = 2 * k + (base == nil ? 0 : 1)
    let testRuns = k + 2 + (base == nil ? 0 : 1)
    let bar = console.progress(
      "Tasting",
      total: heldOutRuns * tasting.heldOut.evaluator.data.count + testRuns * tasting.test.evaluator.data.count,
      unit: .items("images"))
    let result = try tasting.run(GreedySoup(acceptance: accept)) { bar.update(completed: $0) }
    bar.finish()
    if let soupPath {
      try CheckpointWriter.write(tasting.heldOut.weights(result.greedy.recipe), to: soupPath)
    }
    if console.isJSON { try console.emit(result) } else { print(result, ingredients, console) }
  }

  private func scorer(
    _ part: EvaluationImages.Part, _ images: EvaluationImages, _ ingredients: Ingredients, _ device: Device
  ) throws -> RecipeScorer {
    RecipeScorer(
      model: try ingredients.makeModel(on: device),
      evaluator: try Evaluator(
        images.load(part), batchSize: data.batchSize, precision: computation.precision(on: device), device: device,
        loaderThreads: computation.loaderThreads),
      recalibration: try batchNorm.recalibration(
        images, batchSize: data.batchSize, device: device, loaderThreads: computation.loaderThreads))
  }

  private func print(_ result: TastingResult, _ ingredients: Ingredients, _ console: Console) {
    var table = Table(
      [.init("model")] + result.settings.map { .init($0.label, .right) } + [
        .init("held-out %", .right), .init("test %", .right), .init("test against best", .right), .init("p", .right),
        .init("test loss", .right), .init("test ECE %", .right), .init("passes", .right),
      ])
    func add(_ row: TastingResult.Row, bold: Bool = false) {
      table.add(
        [row.name] + result.settings.map { row.settings[$0.key] ?? "" } + [
          Format.percent(row.heldOut.top1),
          "\(Format.percent(row.test.top1)) ±\(Format.percent(row.testInterval.halfWidth))",
          Statistics.difference(row.againstBest), Statistics.pValue(row.againstBest.pValue),
          Format.fixed(row.test.loss, 4), Format.percent(row.test.ece), "\(row.passes)",
        ], bold: bold)
    }
    if let base = result.base { add(base) }
    for row in result.ingredients { add(row) }
    table.addRule()
    for row in [result.best, result.uniform, result.greedySoup] { add(row, bold: true) }
    for row in [result.ensemble, result.probabilityEnsemble, result.greedyEnsemble] { add(row) }
    console.print(table)
    console.print("\n" + result.verdict)
  }
}

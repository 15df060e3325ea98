import ArgumentParser
import SoupCLI
import SoupCheckpoints
import SoupEvaluation
import SoupMixing
import SoupModels
import SoupTorch

/// `soup evaluate`
struct EvaluateCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Score a checkpoint, a soup or an ensemble on a dataset.",
    discussion: """
      EXAMPLES
        soup evaluate soup.safetensors
        soup evaluate runs/*.safetensors --ensemble
        soup evaluate soup.safetensors --batch-norm recompute --per-class
        soup evaluate pytorch.safetensors --model resnet50 --data cifar100:/data/cifar --split test

      Checkpoints made by soup train, and soups of them, know their architecture, their data and what was held out.
      ECE is the expected calibration error over 15 bins of equal mass.
      """)

  @Argument(help: ArgumentHelp("Checkpoints, or folders of them.", valueName: "checkpoint"))
  var checkpoints: [String]

  @Option(help: ArgumentHelp("test, held-out, or train (without the held-out images).", valueName: "part"))
  var split: EvaluationImages.Part = .test

  @Flag(help: "Also score the ensemble of all checkpoints, by mean logits.")
  var ensemble = false

  @Flag(help: "Also print the accuracy of each class.")
  var perClass = false

  @OptionGroup(title: "Data") var data: EvaluationDataOptions
  @OptionGroup(title: "Batch norm") var batchNorm: BatchNormOptions
  @OptionGroup(title: "Computation") var computation: DeviceOptions
  @OptionGroup(title: "Printing") var output: OutputOptions

  func run(_ console: Console) throws {
    let device = try computation.prepare()
    let ingredients = try Ingredients(checkpoints, model: data.namedModel())
    let images = try EvaluationImages(data, for: ingredients, console: console)
    let evaluator = try Evaluator(
      images.load(split), batchSize: data.batchSize, precision: computation.precision(on: device), device: device,
      loaderThreads: computation.loaderThreads)
    let recalibration = try batchNorm.recalibration(
      images, batchSize: data.batchSize, device: device, loaderThreads: computation.loaderThreads)
    let scorer = RecipeScorer(
      model: try ingredients.makeModel(on: device), evaluator: evaluator, recalibration: recalibration)
    scorer.recalibratesSingles = true

    let bar = console.progress(
      "Evaluating", total: ingredients.paths.count * evaluator.data.count, unit: .items("images"))
    scorer.progress = { [unowned scorer] _, done in
      bar.update(completed: scorer.evaluations * evaluator.data.count + done)
    }
    let recipes = ingredients.paths.map { Recipe.uniform([$0]) }
    var rows = try zip(ingredients.paths, recipes).map { Row(name: $0, score: try scorer.score($1)) }
    if ensemble { rows.append(Row(name: "ensemble of \(recipes.count)", score: try scorer.ensemble(recipes))) }
    bar.finish()
    for row in rows where row.score.nonFinite > 0 {
      console.warn("\(row.name): \(row.score.nonFinite) images have logits that are not finite; they count as wrong")
    }
    if console.isJSON {
      for row in rows { try console.emit(Report(checkpoint: row.name, split: split.rawValue, score: row.score)) }
    } else {
      console.print(table(rows))
      console.note("\(evaluator.data.name), \(split.rawValue): \(Format.count(evaluator.data.count)) images")
      if perClass { console.print("\n" + classTable(rows, evaluator.data.classNames).rendered()) }
    }
  }

  private struct Row {
    let name: String
    let score: Score
  }

  private struct Report: Encodable {
    let checkpoint: String
    let split: String
    let score: Score
  }

  private func table(_ rows: [Row]) -> Table {
    var table = Table([
      .init("checkpoint"), .init("top-1 %", .right), .init("top-5 %", .right), .init("loss", .right),
      .init("ECE %", .right),
    ])
    for row in rows {
      table.add([
        row.name, Format.percent(row.score.top1), Format.percent(row.score.top5), Format.fixed(row.score.loss, 4),
        Format.percent(row.score.ece),
      ])
    }
    return table
  }

  private func classTable(_ rows: [Row], _ classes: [String]) -> Table {
    let names = Ingredients.shortNames(rows.map(\.name))
    var table = Table([.init("class")] + names.map { .init($0, .right) })
    for (index, name) in classes.enumerated() {
      table.add([name] + rows.map { Format.percent($0.score.perClass[index]) })
    }
    return table
  }
}

extension EvaluationImages.Part: ExpressibleByArgument {}

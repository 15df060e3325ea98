import ArgumentParser
import Foundation
import SoupCLI
import SoupCheckpoints
import SoupData
import SoupMixing
import SoupModels
import SoupSeasoning
import SoupTorch

/// `soup season self`
struct SelfCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "self",
    abstract: "Self-seasoned soup: coefficients found without labels, by how images cluster.",
    discussion: """
      EXAMPLES
        soup season self mae.safetensors moco.safetensors -o soup.safetensors
        soup season self runs/ -o s.safetensors --split test --shift cifar-c

      Minimises the entropy between each image's nearest neighbours in a batch, as
      the mixed encoder sees them. No label is read, so that test images may be used
      too. The ingredients stay on disk: memory is that of training one model,
      however many there are. What is printed is the entropy, lower is better; see
      what it is worth by soup evaluate --knn.

      RESUMING
        Run the same command again after Ctrl-C or kill -9: it goes on from
        OUTPUT.state and ends with the same bytes.

      Self-Seasoning of arXiv:2602.02890. Guides/SelfSeasoning.md.
      """)

  @OptionGroup var files: SoupFileOptions
  @OptionGroup(title: "Objective") var objective: EntropyOptions
  @OptionGroup(title: "Learning") var learning: SelfLearningOptions
  @OptionGroup(title: "Which images") var choice: ImageChoiceOptions
  @OptionGroup(title: "Data") var data: EvaluationDataOptions
  @OptionGroup(title: "Computation") var computation: DeviceOptions
  @OptionGroup(title: "Printing") var output: OutputOptions

  func run(_ console: Console) throws {
    Interrupts.install()
    try files.checkOutput()
    let device = try computation.prepare()
    let ingredients = try Ingredients(files.checkpoints, model: data.namedModel())
    // Nothing is judged on these images: where no checkpoint says that some are held out, all may be looked at.
    let images = try EvaluationImages(
      data, for: ingredients, console: console, heldOut: choice.split == .train ? 0 : nil)
    let unlabelled = try learning.some(of: images.load(choice))
    let model = try ingredients.makeModel(on: device)
    let seasoning = learning.seasoning(objective.objective, precision: computation.precision(on: device))
    let search = CoefficientSearch(soup: files.soupPath, restart: learning.restart)
    let (result, seconds) = try search.run("Self-seasoning", saveEvery: learning.saveEvery, console) { saving, show in
      let outcome = try seasoning.season(
        ingredients.paths, model: model, data: unlabelled, device: device, loaderThreads: computation.loaderThreads,
        saving: saving, shouldStop: { Interrupts.isRequested }
      ) { show($0.step, $0.totalSteps, "entropy \(Format.fixed($0.entropy, 4))") }
      return if case .finished(let result) = outcome { result } else { SelfSeasonedResult?.none }
    }
    let singles = ingredients.paths.map { Recipe.uniform([$0]) }
    let recipes = singles + [.uniform(result.paths), result.recipe]
    let comparing = console.progress("Comparing", total: recipes.count, unit: .items("models"))
    let entropies = try recipes.enumerated().map { index, recipe in
      defer { comparing.update(completed: index + 1) }
      return try seasoning.entropy(
        of: recipe, model: model, data: unlabelled, device: device, loaderThreads: computation.loaderThreads)
    }
    comparing.finish()
    try write(result, entropy: entropies[recipes.count - 1], of: unlabelled)
    search.finish()
    try report(result, entropies, ingredients, secondsPerStep: seconds, console)
  }

  private func write(_ result: SelfSeasonedResult, entropy: Double, of images: any ImageDataset) throws {
    var soup = try Mixer().mix(result.recipe)
    soup.metadata["soup.seasoning"] = try Console.json(
      Provenance(
        settings: result.configuration, weights: result.weights, entropy: entropy, images: images.name,
        count: images.count))
    try CheckpointWriter.write(soup, to: files.soupPath)
    if let path = learning.recipe {
      try Data((result.recipe.json() + "\n").utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
  }

  /// - Parameter entropies: of the ingredients, of the uniform soup, and of what was found.
  private func report(
    _ result: SelfSeasonedResult, _ entropies: [Double], _ ingredients: Ingredients, secondsPerStep: Double,
    _ console: Console
  ) throws {
    let k = ingredients.paths.count
    let best = (0..<k).reduce(0) { entropies[$1] < entropies[$0] ? $1 : $0 }
    if console.isJSON {
      try console.emit(
        Report(
          output: files.soupPath, ingredients: result.paths, weights: result.weights, entropy: entropies[k + 1],
          uniform: entropies[k], ingredientEntropies: Array(entropies[..<k]),
          bound: result.configuration.objective.bound,
          epochs: result.entropies, bestEpoch: result.bestEpoch, secondsPerStep: secondsPerStep))
      return
    }
    var table = Table([.init("ingredient"), .init("share %", .right), .init("own entropy", .right)])
    for (index, name) in ingredients.names.enumerated() {
      table.add([name, Format.percent(result.weights[index]), Format.fixed(entropies[index], 4)])
    }
    console.print(table)
    console.print(
      "\(files.soupPath): entropy \(Format.fixed(entropies[k + 1], 4)); uniform soup \(Format.fixed(entropies[k], 4)); best "
        + "ingredient \(ingredients.names[best]) \(Format.fixed(entropies[best], 4)); bound "
        + "\(Format.fixed(result.configuration.objective.bound, 4))")
  }

  private struct Report: Encodable {
    let output: String
    let ingredients: [String]
    let weights: [Double]
    let entropy: Double
    let uniform: Double
    let ingredientEntropies: [Double]
    /// What features that are all the same have.
    let bound: Double
    /// Mean entropy of each pass, every batch before its step.
    let epochs: [Double]
    let bestEpoch: Int
    /// Of this process, opening the ingredients included.
    let secondsPerStep: Double

    private enum CodingKeys: String, CodingKey {
      case output, ingredients, weights, entropy, uniform
      case ingredientEntropies = "ingredient_entropies"
      case bound, epochs
      case bestEpoch = "best_epoch"
      case secondsPerStep = "seconds_per_step"
    }
  }

  /// What the soup's metadata tells about the search.
  private struct Provenance: Encodable {
    let method = "self"
    let settings: SelfSeasoning
    let weights: [Double]
    let entropy: Double
    let images: String
    let count: Int
  }
}

struct SelfLearningOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Learning rate of Adam in the first pass.", valueName: "rate")) var lr = 0.1
  @Option(help: ArgumentHelp("What the rate falls to, by a cosine from pass to pass.", valueName: "rate"))
  var finalLr = 0.01
  @Option(help: ArgumentHelp("Images to look at, evenly over those chosen; 0 for all.", valueName: "n"))
  var images = 1000
  @Option(help: ArgumentHelp("Passes over the images.", valueName: "n")) var epochs = 100
  @Option(help: ArgumentHelp("Stop after this many steps, if that is sooner.", valueName: "n")) var steps: Int?
  @Option(help: ArgumentHelp("Images per step.", valueName: "n")) var stepImages = 256
  @Option(help: ArgumentHelp("Seed of the order of the images.", valueName: "n")) var seed: UInt64 = 0
  @Option(help: ArgumentHelp("Also write the soup as a recipe for soup mix (JSON).", valueName: "path"))
  var recipe: String?
  @Option(help: ArgumentHelp("Save the state every n seconds.", valueName: "n")) var saveEvery = 30.0
  @Flag(help: "Start over: discard an interrupted search.") var restart = false

  func validate() throws {
    if !(lr > 0 && lr.isFinite && finalLr >= 0 && finalLr <= lr) {
      throw ValidationError("--lr must be above 0, and --final-lr not above it, found \(lr) and \(finalLr)")
    }
    if images < 0 { throw ValidationError("--images must be 0 or more, found \(images)") }
    if epochs < 1 { throw ValidationError("--epochs must be at least 1, found \(epochs)") }
    if let steps, steps < 1 { throw ValidationError("--steps must be at least 1, found \(steps)") }
    if stepImages < 1 { throw ValidationError("--step-images must be at least 1, found \(stepImages)") }
    if saveEvery < 0 { throw ValidationError("--save-every must be 0 or more, found \(saveEvery)") }
  }

  /// As many as were asked for: a hundred passes over a large set would take hours and find no other mixture.
  func some(of all: any ImageDataset) throws -> any ImageDataset {
    images > 0 ? try Subset.spread(images, of: all, name: "\(all.name), \(images) images") : all
  }

  func seasoning(_ objective: NeighbourEntropy, precision: Precision) -> SelfSeasoning {
    SelfSeasoning(
      objective: objective, learningRate: lr, finalLearningRate: finalLr, epochs: epochs, steps: steps,
      batchSize: stepImages, seed: seed, precision: precision)
  }
}

struct EntropyOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Nearest images of the batch that count.", valueName: "k")) var neighbours = 16
  @Option(help: ArgumentHelp("Temperature of the softmax over their similarities.", valueName: "T"))
  var temperature = 0.07

  func validate() throws {
    if neighbours < 2 { throw ValidationError("--neighbours must be at least 2, found \(neighbours)") }
    if !(temperature > 0 && temperature.isFinite) {
      throw ValidationError("--temperature must be above 0, found \(temperature)")
    }
  }

  var objective: NeighbourEntropy { NeighbourEntropy(neighbours: neighbours, temperature: temperature) }
}

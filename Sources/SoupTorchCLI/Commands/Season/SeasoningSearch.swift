import SoupCLI
import SoupCheckpoints
import SoupEvaluation
import SoupMixing
import SoupTensors
import SoupTorch

/// What greedy, sampled and pair share: ingredients, and a scorer made of our evaluator or of a program of the user's.
final class SeasoningSearch {
  let paths: [String]
  /// Short names for people, by path.
  let names: [String: String]
  let metric: Metric
  private let images: RecipeScorer?
  /// Set where nearest neighbours classify.
  private let network: NeighbourNetwork?
  private let program: CommandScorer?

  init(_ seasoning: SeasoningOptions, _ options: SearchOptions, _ console: Console) throws {
    let (scoring, data, computation) = (options.scoring, options.data, options.computation)
    try seasoning.checkOutput()
    metric = scoring.effectiveMetric
    if let command = scoring.scorer {
      Interrupts.install()
      paths = try CheckpointPaths.expand(seasoning.checkpoints)
      names = Dictionary(zip(paths, Ingredients.shortNames(paths))) { first, _ in first }
      // Headers only: what cannot be mixed is found before a program runs.
      _ = try MixPlan(.uniform(paths))
      images = nil
      network = nil
      program = try CommandScorer(
        command, key: scoring.scorerKey, timeout: scoring.scorerTimeout, scratch: scoring.scratch,
        shouldStop: { Interrupts.isRequested })
      return
    }
    let device = try computation.prepare()
    let ingredients = try Ingredients(seasoning.checkpoints, model: data.namedModel())
    let source = try EvaluationImages(data, for: ingredients, console: console)
    let evaluator = try Evaluator(
      source.load(.heldOut), batchSize: data.batchSize, precision: computation.precision(on: device), device: device,
      loaderThreads: computation.loaderThreads)
    paths = ingredients.paths
    names = Dictionary(zip(ingredients.paths, ingredients.names)) { first, _ in first }
    let model = try ingredients.makeModel(on: device)
    network =
      try metric == .knn
      ? options.neighbours.network(model, source, batchSize: data.batchSize, computation, on: device, console) : nil
    images = RecipeScorer(
      model: network ?? model, evaluator: evaluator,
      recalibration: try options.batchNorm.recalibration(
        source, batchSize: data.batchSize, device: device, loaderThreads: computation.loaderThreads))
    program = nil
  }

  var evaluations: Int { images?.evaluations ?? program?.evaluations ?? 0 }

  func name(_ path: String) -> String { names[path] ?? path }

  /// Runs a search under a progress bar.
  /// - Parameters:
  ///   - total: evaluations that the search will make, at most.
  ///   - search: gets the scorer, and what to call after every evaluation.
  func run<Result>(
    _ label: String, total: Int, _ console: Console, _ search: (any Scorer, (Int) -> Void) throws -> Result
  ) throws -> Result {
    let bankCount = network?.bank.data.count ?? 0
    let unit = (images?.evaluator.data.count ?? 1) + bankCount
    let bar = console.progress(label, total: total * unit, unit: .items(images == nil ? "runs" : "images"))
    images?.progress = { [unowned images] _, done in
      bar.update(completed: (images?.evaluations ?? 0) * unit + bankCount + done)
    }
    network?.progress = { [unowned images] done in
      bar.update(completed: (images?.evaluations ?? 0) * unit + done)
    }
    guard let scorer: any Scorer = images ?? program else { throw EvaluationError(.unsupported, "there is no scorer") }
    let result = try search(scorer) { bar.update(completed: $0 * unit) }
    bar.finish()
    return result
  }

  /// The scores of the ingredients by themselves; nil where a program of the user's gives them, which may take long.
  func ingredientScores() throws -> [Score]? {
    try images.map { scorer in try paths.map { try scorer.score(.uniform([$0])) } }
  }

  /// Writes the soup as it was scored, with what made it in its metadata.
  func write(_ recipe: Recipe, to path: String, seasoning: some Encodable) throws {
    var soup = try images?.weights(recipe) ?? Mixer().mix(recipe)
    soup.metadata["soup.seasoning"] = try Console.json(seasoning)
    try CheckpointWriter.write(soup, to: path)
  }
}

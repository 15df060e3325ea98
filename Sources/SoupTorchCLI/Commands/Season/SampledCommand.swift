import ArgumentParser
import SoupCLI
import SoupEvaluation
import SoupSeasoning

/// `soup season sampled`
struct SampledCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "sampled",
    abstract: "Sampled soup: score mixtures with random weights, keep the best.",
    discussion: """
      EXAMPLES
        soup season sampled runs/ -o soup.safetensors
        soup season sampled runs/ -o s.safetensors --samples 200 --concentration 0.5
        soup season sampled runs/ -o s.safetensors --metric knn --knn-images 1000
        soup season sampled runs/ -o s.safetensors --scorer 'python eval.py {soup}'

      Weights are drawn from Dirichlet(c, ..., c): below 1 mixtures of few
      ingredients are likely, above 1 those near the uniform soup, which is the
      first sample. A mixture is left as soon as it cannot be the best any more.

      --metric knn is "instant seasoning" (arXiv:2602.02890): mixtures of encoders,
      judged by the nearest labelled training images, without training anything.
      Guides/SelfSeasoning.md.
      """)

  @OptionGroup var seasoning: SeasoningOptions

  @Option(help: ArgumentHelp("Mixtures to score. (default: 64; 1000 by --metric knn)", valueName: "n")) var samples:
    Int?
  @Option(help: ArgumentHelp("Concentration of the Dirichlet distribution.", valueName: "c")) var concentration = 1.0
  @Option(help: ArgumentHelp("Seed of the weights.", valueName: "n")) var seed: UInt64 = 0

  @OptionGroup var options: SearchOptions
  var output: OutputOptions { options.output }

  func validate() throws {
    if let samples, samples < 1 { throw ValidationError("--samples must be at least 1, found \(samples)") }
    if !(concentration > 0) || !concentration.isFinite {
      throw ValidationError("--concentration must be above 0, found \(concentration)")
    }
  }

  func run(_ console: Console) throws {
    let search = try SeasoningSearch(seasoning, options, console)
    let samples = samples ?? (search.metric == .knn ? 1000 : 64)
    let soup = SampledSoup(samples: samples, concentration: concentration, metric: search.metric, seed: seed)
    let k = search.paths.count
    let (result, ingredients) = try search.run("Sampling", total: samples + k, console) { scorer, advance in
      // Ingredients first: what most of them get wrong decides soonest whether a mixture can win.
      let ingredients = try search.ingredientScores()
      return (try soup.season(search.paths, with: scorer) { _, done in advance(k + done) }, ingredients)
    }
    let metric = search.metric
    let best = ingredients.flatMap { scores in
      scores.indices.max { metric.quality(of: scores[$0]) < metric.quality(of: scores[$1]) }.map {
        (path: search.paths[$0], score: scores[$0])
      }
    }
    let weights = result.samples[result.best].weights
    try search.write(
      result.recipe, to: seasoning.soupPath,
      seasoning: Provenance(
        settings: soup, sample: result.best, weights: weights, heldOut: search.metric.value(of: result.score)))
    if console.isJSON {
      try console.emit(
        Report(
          output: seasoning.soupPath, evaluations: search.evaluations, result: result, bestIngredient: best?.path,
          bestIngredientScore: best?.score))
      return
    }
    var table = Table([.init("ingredient"), .init("share %", .right)])
    for (path, weight) in zip(search.paths, weights) { table.add([search.name(path), Format.percent(weight)]) }
    console.print(table)
    console.print(
      "\(seasoning.soupPath): held-out \(search.metric.text(of: result.score)), sample \(result.best + 1) of \(samples)"
        + (result.samples[0].score.map { "; uniform soup \(metric.text(of: $0))" } ?? "")
        + (best.map { "; best ingredient \(search.name($0.path)) \(metric.text(of: $0.score))" } ?? ""))
  }

  private struct Report: Encodable {
    let output: String
    let evaluations: Int
    let result: SampledResult
    /// Absent where a program scores.
    let bestIngredient: String?
    let bestIngredientScore: Score?

    private enum CodingKeys: String, CodingKey {
      case output, evaluations, result
      case bestIngredient = "best_ingredient"
      case bestIngredientScore = "best_ingredient_score"
    }
  }

  private struct Provenance: Encodable {
    let method = "sampled"
    let settings: SampledSoup
    let sample: Int
    let weights: [Double]
    let heldOut: Double
  }
}

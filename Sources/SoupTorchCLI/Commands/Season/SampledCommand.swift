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
        soup season sampled runs/ -o s.safetensors --scorer 'python eval.py {soup}'

      Weights are drawn from Dirichlet(c, ..., c): below 1 mixtures of few
      ingredients are likely, above 1 those near the uniform soup, which is the
      first sample. A mixture is left as soon as it cannot be the best any more.
      """)

  @OptionGroup var seasoning: SeasoningOptions

  @Option(help: ArgumentHelp("Mixtures to score.", valueName: "n")) var samples = 64
  @Option(help: ArgumentHelp("Concentration of the Dirichlet distribution.", valueName: "c")) var concentration = 1.0
  @Option(help: ArgumentHelp("Seed of the weights.", valueName: "n")) var seed: UInt64 = 0

  @OptionGroup var options: SearchOptions
  var output: OutputOptions { options.output }

  func validate() throws {
    if samples < 1 { throw ValidationError("--samples must be at least 1, found \(samples)") }
    if !(concentration > 0) || !concentration.isFinite {
      throw ValidationError("--concentration must be above 0, found \(concentration)")
    }
  }

  func run(_ console: Console) throws {
    let search = try SeasoningSearch(seasoning, options, console)
    let soup = SampledSoup(samples: samples, concentration: concentration, metric: search.metric, seed: seed)
    let result = try search.run("Sampling", total: samples, console) { scorer, advance in
      try soup.season(search.paths, with: scorer) { _, done in advance(done) }
    }
    let weights = result.samples[result.best].weights
    try search.write(
      result.recipe, to: seasoning.soupPath,
      seasoning: Provenance(
        settings: soup, sample: result.best, weights: weights, heldOut: search.metric.value(of: result.score)))
    if console.isJSON {
      try console.emit(Report(output: seasoning.soupPath, evaluations: search.evaluations, result: result))
      return
    }
    var table = Table([.init("ingredient"), .init("share %", .right)])
    for (path, weight) in zip(search.paths, weights) { table.add([search.name(path), Format.percent(weight)]) }
    console.print(table)
    console.print(
      "\(seasoning.soupPath): held-out \(search.metric.text(of: result.score)), sample \(result.best + 1) of \(samples)"
        + (result.samples[0].score.map { "; uniform soup \(search.metric.text(of: $0))" } ?? ""))
  }

  private struct Report: Encodable {
    let output: String
    let evaluations: Int
    let result: SampledResult
  }

  private struct Provenance: Encodable {
    let method = "sampled"
    let settings: SampledSoup
    let sample: Int
    let weights: [Double]
    let heldOut: Double
  }
}

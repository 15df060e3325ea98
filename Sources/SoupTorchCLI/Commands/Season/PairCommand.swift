import ArgumentParser
import SoupCLI
import SoupEvaluation
import SoupSeasoning

/// `soup season pair`
struct PairCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "pair",
    abstract: "The best soup of two ingredients: sweep alpha in (1 - alpha) a + alpha b.",
    discussion: """
      EXAMPLES
        soup season pair zero-shot.safetensors tuned.safetensors -o s.safetensors
        soup season pair a.safetensors b.safetensors -o s.safetensors --refine 6

      Every point is scored on all held-out images, so that the whole curve is
      printed.
      """)

  @OptionGroup var seasoning: SeasoningOptions

  @Option(help: ArgumentHelp("Points from 0 to 1.", valueName: "n")) var points = 11
  @Option(help: ArgumentHelp("Golden-section steps around the best point.", valueName: "n")) var refine = 0

  @OptionGroup var options: SearchOptions
  var output: OutputOptions { options.output }

  func validate() throws {
    if points < 2 { throw ValidationError("--points must be at least 2, found \(points)") }
    if refine < 0 { throw ValidationError("--refine must be 0 or more, found \(refine)") }
  }

  func run(_ console: Console) throws {
    let search = try SeasoningSearch(seasoning, options, console)
    guard search.paths.count == 2 else {
      throw ValidationError("soup season pair takes two checkpoints, found \(search.paths.count)")
    }
    let pair = PairSoup(points: points, refinements: refine, metric: search.metric)
    let result = try search.run("Sweeping", total: points + refine, console) { scorer, advance in
      try pair.season(search.paths[0], search.paths[1], with: scorer) { _, done in advance(done) }
    }
    try search.write(
      result.recipe, to: seasoning.soupPath,
      seasoning: Provenance(
        settings: pair, alpha: result.alpha, heldOut: search.metric.value(of: result.score)))
    if console.isJSON {
      try console.emit(Report(output: seasoning.soupPath, evaluations: search.evaluations, result: result))
      return
    }
    var table = Table([.init("alpha", .right), .init("held-out \(search.metric.rawValue)", .right)])
    for point in result.points {
      table.add(
        [Format.fixed(point.alpha, 4), search.metric.text(of: point.score)], bold: point.alpha == result.alpha)
    }
    console.print(table)
    console.print(
      "\(seasoning.soupPath): alpha \(Format.fixed(result.alpha, 4)), held-out \(search.metric.text(of: result.score))")
  }

  private struct Report: Encodable {
    let output: String
    let evaluations: Int
    let result: PairResult
  }

  private struct Provenance: Encodable {
    let method = "pair"
    let settings: PairSoup
    let alpha: Double
    let heldOut: Double
  }
}

import ArgumentParser
import SoupCLI
import SoupEvaluation
import SoupSeasoning

/// `soup season greedy`
struct GreedyCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "greedy",
    abstract: "Greedy soup: add ingredients, the best first, as long as held-out accuracy does not drop.",
    discussion: """
      EXAMPLES
        soup season greedy runs/*.safetensors -o soup.safetensors
        soup season greedy runs/ -o s.safetensors --accept better
        soup season greedy runs/ -o s.safetensors --scorer 'python eval.py {soup}'

      Ingredients are scored on the held-out images that none of them was trained
      on; the test set stays untouched for soup evaluate. k ingredients take
      2k - 1 evaluations at most: a candidate is left as soon as it cannot win
      any more, which changes no decision. The soup is never worse than the best
      ingredient on the held-out images.

      Recipe 1 of Wortsman et al., 2022, arXiv:2203.05482. Guides/GreedySoup.md.
      """)

  @OptionGroup var seasoning: SeasoningOptions

  @Option(
    help: ArgumentHelp(
      "Keep an ingredient when the soup is not-worse (>=, the paper), or only when it is better (>, the authors' code).",
      valueName: "rule"))
  var accept: GreedySoup.Acceptance = .notWorse

  @Flag(help: "Run every candidate over all images.")
  var full = false

  @Option(
    help: ArgumentHelp(
      "Also leave a candidate when it would be kept with this probability at most. Only for top1.",
      valueName: "risk"))
  var race: Double?

  @OptionGroup var options: SearchOptions
  var output: OutputOptions { options.output }

  func validate() throws {
    if let race {
      guard race > 0, race < 1 else { throw ValidationError("--race is a probability in 0..<1, found \(race)") }
      guard options.scoring.effectiveMetric == .top1 else { throw ValidationError("--race goes with --metric top1") }
    }
    if full, race != nil { throw ValidationError("--full and --race exclude each other") }
  }

  func run(_ console: Console) throws {
    let search = try SeasoningSearch(seasoning, options, console)
    let metric = search.metric
    let greedy = GreedySoup(
      acceptance: accept, metric: metric, stopping: full ? .never : race.map { .risky($0) } ?? .certain)
    let result = try search.run("Tasting", total: 2 * search.paths.count - 1, console) { scorer, advance in
      try greedy.season(search.paths, with: scorer) { progress in
        advance(progress.completed)
        guard case .tried(let step) = progress.event else { return }
        let outcome =
          step.score.map { "soup with it \(metric.text(of: $0))" }
          ?? "cannot win any more after \(Format.count(step.images ?? 0)) images"
        console.note(
          "\(step.accepted ? "+" : "-") \(search.name(step.candidate)): \(outcome)\(step.accepted ? ", kept" : "")")
      }
    }
    try search.write(result.recipe, to: seasoning.soupPath, seasoning: Provenance(result, race: race))
    if console.isJSON {
      try console.emit(Report(output: seasoning.soupPath, evaluations: search.evaluations, result: result))
    } else {
      let best = result.ingredients[0]
      console.print(
        "\(seasoning.soupPath): \(result.kept.count) of \(search.paths.count) ingredients, held-out "
          + "\(metric.text(of: result.score)); best ingredient \(search.name(best.path)) "
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
  private struct Provenance: Encodable {
    let method = "greedy"
    let acceptance: GreedySoup.Acceptance
    let metric: Metric
    let heldOut: Double
    let tried: Int
    let race: Double?

    init(_ result: GreedyResult, race: Double?) {
      acceptance = result.acceptance
      metric = result.metric
      heldOut = result.metric.value(of: result.score)
      tried = result.ingredients.count
      self.race = race
    }
  }
}

extension GreedySoup.Acceptance: ExpressibleByArgument {}

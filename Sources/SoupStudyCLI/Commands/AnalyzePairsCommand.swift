import ArgumentParser
import SoupAnalysis
import SoupCLI
import SoupReports

/// `soup analyze pairs`
struct AnalyzePairsCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "pairs",
    abstract: "When do two models soup? From a table of pair soups.",
    usage: "soup analyze pairs <file> [--similarities <file>] [-o <page>] [<options>]",
    discussion: """
      Reads what 'soup landscape pairs --csv' writes, or CSV with one row for every soup of \
      two models and one for every model itself (key_a = key_b): clean_accuracy (percent), \
      clean_loss, acc_corr_3, loss_corr_3, branch_epoch_a, branch_epoch_b, model_id_a, \
      model_id_b (variants of training). --similarities \
      adds measures by key_a and key_b. Tells how gains depend on shared training and on \
      similarity, whether they are transitive over all triangles, and which models soup \
      together. Accuracy gains are in points, loss gains in nats, over the best parent \
      unless --parent says otherwise.

      EXAMPLES
        soup landscape pairs runs/ --csv pairs.csv && soup analyze pairs pairs.csv
        soup analyze pairs Studies/tasty-small.yaml --table soups-recompute
        soup analyze pairs pair_soups.csv --similarities pair_similarities.csv
        soup analyze pairs pair_soups.csv -o pairs.html
        soup landscape pairs runs/ --alpha 0.2,0.5,0.8 --sample 16 --csv sweep.csv
        soup landscape simplex a.st b.st c.st --csv abc.csv
        soup analyze pairs pairs.csv -o p.html --alpha sweep.csv --simplex abc.csv
        soup analyze pairs pair_soups.csv --gain accuracy --json | jq .transitivity
        soup analyze pairs pairs.csv --similarities alike.csv --predictor gains.json
      """)

  @Argument(help: ArgumentHelp("Pair soups, CSV; or a study with pairs, by its file or folder.", valueName: "file"))
  var file: String

  @Option(help: ArgumentHelp("Which of a study's tables. (default: its first)", valueName: "name"))
  var table: String?

  @Option(help: ArgumentHelp("Measures of similarity, CSV.", valueName: "file")) var similarities: String?

  @Option(
    help: ArgumentHelp(
      "Gain of triangles and graph: accuracy, loss, corrupted-accuracy or corrupted-loss. (default: loss, or accuracy "
        + "without losses)", valueName: "measure"))
  var gain: SoupGain.Measure?

  @Option(help: ArgumentHelp("Gain of triangles and graph: over the best or the mean parent.", valueName: "parent"))
  var parent: SoupGain.Parent = .best

  @Option(
    help: ArgumentHelp(
      "Corners of a triangle: all three, or the first in the order of the table, as published.", valueName: "roles"))
  var roles: Transitivity.Roles = .all

  @Option(
    help: ArgumentHelp(
      "A soup below this accuracy in percent has collapsed: five times chance is usual.", valueName: "percent"))
  var collapse = 5.0

  @Option(
    help: ArgumentHelp(
      "Failing triangles by distance: only those that share this many epochs, as 220-240. (default: all)",
      valueName: "epochs"), transform: EpochWindow.parse)
  var window: ClosedRange<Int>?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Ternary grids of three models each for the page, CSV.", valueName: "files"))
  var simplex: [String] = []

  @Option(
    parsing: .upToNextOption, help: ArgumentHelp("Sweeps along alpha for the page, CSV.", valueName: "files"))
  var alpha: [String] = []

  @Option(
    help: ArgumentHelp("Scores of SWA, EMA and their baselines for the page, CSV.", valueName: "file"))
  var averages: String?

  @Option(
    help: ArgumentHelp(
      "Write the predictor of gain from similarity, for 'soup compare --predictor'.", valueName: "file"))
  var predictor: String?

  @OptionGroup var page: PageOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if page.path == nil, page.figures != nil || page.noFigures { throw ValidationError("--figures needs --output.") }
    if page.path == nil, !simplex.isEmpty || !alpha.isEmpty || averages != nil {
      throw ValidationError("--simplex, --alpha and --averages are for the page: they need --output.")
    }
    guard (0...100).contains(collapse) else {
      throw ValidationError("--collapse is an accuracy from 0 to 100 percent, found \(collapse)")
    }
  }

  func run(_ console: Console) throws {
    let source = try PairSource(file, named: self.table, similarities: similarities)
    var table = try PairTableFile.read(source.table, similarities: source.similarities)
    table.collapse = collapse
    var extras = PairExtras()
    for path in simplex { try extras.read(simplex: path) }
    for path in alpha { try extras.read(sweeps: path) }
    try averages.map { try extras.read(averages: $0) }
    let hasLoss = table.models.allSatisfy { $0.scores.loss != nil }
    let analysis = try PairAnalysis(
      table, gain: SoupGain(gain ?? (hasLoss ? .loss : .accuracy), over: parent), roles: roles, window: window)
    if let window, analysis.failures?.distances.isEmpty ?? true {
      console.warn(
        "--window \(window.lowerBound)-\(window.upperBound): no triangle with two gains shares so many epochs and has known branches"
      )
    }
    let prediction = try PredictorText.fit(
      table, gain: analysis.gain, sources: [file] + (similarities.map { [$0] } ?? []), isWanted: predictor != nil,
      console)
    if let prediction, let predictor { try PredictorText.write(prediction, to: predictor) }
    func write() throws -> ReportWriter.Outcome? {
      try page.path.map { path in
        var report = PairReport.report(
          table, analysis, extras: extras,
          sources: [file] + [similarities, averages].compactMap(\.self) + alpha + simplex)
        return try page.write(&report, to: path, console)
      }
    }
    warn(table, console)
    if console.isJSON {
      try console.emit(Summary(analysis: analysis, predictors: prediction?.predictors, report: write()))
      return
    }
    for (index, section) in PairReport.tables(analysis).enumerated() {
      if index > 0 { console.print() }
      var text = Table(section.columns.enumerated().map { .init($1, $0 == 0 ? .left : .right) })
      for row in section.rows { text.add([row.name] + row.cells.map(\.text)) }
      console.print(text)
    }
    if let prediction { PredictorText.print(prediction, console) }
    console.print("\n" + PairReport.findings(table, analysis).joined(separator: "\n"))
    console.print("The largest set: " + analysis.graph.largestClique.joined(separator: ", "))
    // Drawing takes longer than counting: the numbers come first.
    if let written = try write() {
      console.print()
      page.tell(written, console)
    }
    if let predictor, prediction != nil { console.note("Wrote \(predictor)") }
  }

  /// What the table lacks.
  private func warn(_ table: PairTable, _ console: Console) {
    func list(_ names: [String]) -> String { names.prefix(5).joined(separator: "; ") + (names.count > 5 ? "; …" : "") }
    let missing = table.missingPairs
    if !missing.isEmpty {
      console.warn(
        "\(Format.count(missing.count)) pairs of models have no soup; everything is of those that are there: \(list(missing))"
      )
    }
    let without = table.pairsWithoutSimilarity
    if !without.isEmpty {
      console.warn(
        "\(Format.count(without.count)) soups lack a measure of similarity of their models: \(list(without))")
    }
  }

  private struct Summary: Encodable {
    let analysis: PairAnalysis
    /// Nil without measures of similarity.
    let predictors: [SoupPredictor]?
    let report: ReportWriter.Outcome?

    func encode(to encoder: any Encoder) throws {
      try analysis.encode(to: encoder)
      var container = encoder.container(keyedBy: Key.self)
      try container.encodeIfPresent(predictors, forKey: .predictors)
      try container.encodeIfPresent(report, forKey: .report)
    }

    private enum Key: CodingKey { case predictors, report }
  }
}

/// `220-240`, or `240`.
private enum EpochWindow {
  static func parse(_ text: String) throws -> ClosedRange<Int> {
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard let low = ends.first ?? nil, let high = ends.last ?? nil, ends.count <= 2, 0 <= low, low <= high else {
      throw ValidationError("--window takes epochs from and to, as 220-240; found '\(text)'")
    }
    return low...high
  }
}

extension SoupGain.Measure: ExpressibleByArgument {}
extension SoupGain.Parent: ExpressibleByArgument {}
extension Transitivity.Roles: ExpressibleByArgument {}

import ArgumentParser
import SoupAnalysis
import SoupCLI
import SoupEvaluation
import SoupTensors

/// `soup landscape pairs`
struct PairsCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "pairs",
    abstract: "The soup of every pair: is it better than both of its parents?",
    discussion: """
      EXAMPLES
        soup landscape pairs runs/
        soup landscape pairs runs/ --csv pairs.csv --precision bf16
        soup landscape pairs runs/ --csv pairs.csv --alpha 0.25,0.5,0.75 --sample 5000

      A soup is (1 - alpha) a + alpha b. The file has a line for every soup, with
      both parents' scores, and is continued after any interruption. Images stay in
      memory and checkpoints mapped, so that a soup costs its forward passes.
      """)

  @Argument(help: ArgumentHelp("Checkpoints, or folders of them.", valueName: "checkpoint"))
  var checkpoints: [String]

  @Option(help: ArgumentHelp("Shares of the second of each pair, joined by commas.", valueName: "list"))
  var alpha: Shares = Shares(values: [0.5])

  @Option(help: ArgumentHelp("Only so many pairs, drawn at random.", valueName: "n"))
  var sample: Int?

  @Option(help: ArgumentHelp("Seed of the draw.", valueName: "n"))
  var seed: UInt64 = 0

  @Option(
    help: ArgumentHelp(
      "Only pairs of one of the first n checkpoints with one of the others: a block of a large table.", valueName: "n"))
  var between: Int?

  @Option(help: ArgumentHelp("test, held-out, or train.", valueName: "part"))
  var split: EvaluationImages.Part = .test

  @OptionGroup var options: LandscapeOptions
  var output: OutputOptions { options.output }

  struct Shares: ExpressibleByArgument {
    var values: [Double]
    var defaultValueDescription: String { values.map { "\($0)" }.joined(separator: ",") }

    init(values: [Double]) { self.values = values }

    init?(argument: String) {
      let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
      values = parts.compactMap { $0 }
      guard values.count == parts.count, values.allSatisfy(\.isFinite), Set(values).count == values.count else {
        return nil
      }
    }
  }

  func validate() throws {
    if let sample, sample < 1 { throw ValidationError("--sample must be at least 1, found \(sample)") }
    if let between, between < 1 { throw ValidationError("--between must be at least 1, found \(between)") }
  }

  func run(_ console: Console) throws {
    let landscape = try Landscape(checkpoints, options, part: split, console: console)
    let count = landscape.states.count
    guard count >= 2 else { throw ValidationError("a pair needs two checkpoints, found \(count)") }
    if let between, between >= count {
      throw ValidationError("--between \(between) leaves no others: \(count) checkpoints were given")
    }
    let space = try landscape.space(landscape.states)
    let file = try landscape.points(
      "pairs", keys: ["a", "b", "alpha"],
      values: ["top1_a", "loss_a", "top1_b", "loss_b", "top1", "loss", "over_mean", "over_best", "over_best_p"])
    let soups = pairs(count).flatMap { pair in alpha.values.map { Soup(a: pair.0, b: pair.1, alpha: $0) } }
    func key(_ soup: Soup) -> [PointTable.Cell] {
      [.text(landscape.names[soup.a]), .text(landscape.names[soup.b]), .number(soup.alpha)]
    }
    let missing = soups.filter { file.table.row(key($0)) == nil }
    let parents = Set(missing.flatMap { [$0.a, $0.b] }).sorted()
    let bar = landscape.bar("Pairs", evaluations: parents.count + missing.count)
    func coefficients(_ shares: (Int, Double)...) -> [Double] {
      shares.reduce(into: [Double](repeating: 0, count: count)) { $0[$1.0] += $1.1 }
    }
    var own: [Int: SampleOutcomes] = [:]
    for index in parents { own[index] = try landscape.outcomes(space, at: coefficients((index, 1)), bar: bar) }
    let start = ContinuousClock.now
    for soup in missing {
      guard let a = own[soup.a], let b = own[soup.b] else { continue }
      let found = try landscape.outcomes(
        space, at: coefficients((soup.a, 1 - soup.alpha), (soup.b, soup.alpha)), bar: bar)
      let best = a.score.top1 >= b.score.top1 ? a : b
      let against = try PairedOutcomes(found.correct, best.correct)
      let numbers = [
        a.score.top1, a.score.loss, b.score.top1, b.score.loss, found.score.top1, found.score.loss,
        found.score.top1 - (a.score.top1 + b.score.top1) / 2, against.difference, against.mcNemar,
      ]
      try file.append(key(soup) + numbers.map { .number($0) })
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    bar.finish()
    let rows = soups.compactMap { file.table.row(key($0)) }
    let summary = Summary(rows, of: file.table)
    try file.finish(summary)
    if console.isJSON {
      try console.emit(
        Report(
          split: split.rawValue, summary: summary, computed: missing.count,
          secondsPerSoup: missing.isEmpty ? nil : seconds / Double(missing.count), pairs: file.table))
      return
    }
    show(rows, of: file.table, console)
    console.print(
      "\n\(Format.count(rows.count)) soups: \(Format.percent(summary.aboveBest)) % above both parents, "
        + "\(Format.percent(summary.aboveMean)) % above their mean; on average "
        + "\(Statistics.points(summary.overMean)) points over the mean, \(Statistics.points(summary.overBest)) over the best."
    )
    console.note(landscape.footnote())
  }

  private struct Soup {
    let a: Int
    let b: Int
    let alpha: Double
  }

  /// All pairs in order, or a random choice of them in that order.
  private func pairs(_ count: Int) -> [(Int, Int)] {
    let all = (0..<(between ?? count)).flatMap { a in
      (max(a + 1, between ?? 0)..<max(count, a + 1)).map { (a, $0) }
    }
    guard let sample, sample < all.count else { return all }
    var random = CounterGenerator(seed: seed).derived("pairs")
    return random.permutation(all.count).prefix(sample).sorted().map { all[$0] }
  }

  /// The best soups; the others are in the file.
  private func show(_ rows: [[PointTable.Cell]], of points: PointTable, _ console: Console) {
    var table = Table([
      .init("a"), .init("b"), .init("alpha", .right), .init("a %", .right), .init("b %", .right),
      .init("soup %", .right),
      .init("loss", .right), .init("over the best", .right), .init("p", .right),
    ])
    let best = rows.enumerated().sorted {
      let (x, y) = (points.number("top1", $0.element), points.number("top1", $1.element))
      return x > y || (x == y && $0.offset < $1.offset)
    }
    for (_, row) in best.prefix(20) {
      func value(_ name: String) -> Double { points.number(name, row) }
      let names = row[..<2].map { if case .text(let name) = $0 { name } else { "\($0.number ?? .nan)" } }
      table.add(
        names + [
          Format.fixed(value("alpha"), 2), Format.percent(value("top1_a")), Format.percent(value("top1_b")),
          Format.percent(value("top1")), Format.fixed(value("loss"), 4), Statistics.points(value("over_best")),
          Statistics.pValue(value("over_best_p")),
        ])
    }
    console.print(table)
    if rows.count > 20 { console.print("the best 20 of \(Format.count(rows.count))") }
  }

  /// All soups in a few numbers: fractions, and means of fractions.
  private struct Summary: Encodable {
    let soups: Int
    let aboveBest: Double
    let aboveMean: Double
    let overBest: Double
    let overMean: Double

    init(_ rows: [[PointTable.Cell]], of table: PointTable) {
      func mean(_ value: ([PointTable.Cell]) -> Double) -> Double {
        rows.reduce(0) { $0 + value($1) } / Double(max(rows.count, 1))
      }
      soups = rows.count
      aboveBest = mean { table.number("over_best", $0) > 0 ? 1 : 0 }
      aboveMean = mean { table.number("over_mean", $0) > 0 ? 1 : 0 }
      overBest = mean { table.number("over_best", $0) }
      overMean = mean { table.number("over_mean", $0) }
    }

    private enum CodingKeys: String, CodingKey {
      case soups
      case aboveBest = "above_best"
      case aboveMean = "above_mean"
      case overBest = "over_best"
      case overMean = "over_mean"
    }
  }

  private struct Report: Encodable {
    let landscape = "pairs"
    let split: String
    let summary: Summary
    /// Soups computed by this process, and the time of each: mixing, forward passes, scores.
    let computed: Int
    let secondsPerSoup: Double?
    let pairs: PointTable

    private enum CodingKeys: String, CodingKey {
      case landscape, split, summary, computed
      case secondsPerSoup = "seconds_per_soup"
      case pairs
    }
  }
}

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
        soup landscape pairs runs/ --csv pairs.csv --alpha 0.25,0.75 --sample 5000
        soup landscape pairs runs/ --csv pairs.csv --batch-norm average,recompute \\
          --shift cifar-c --severity 3 --skip-collapsed 0.05

      A soup is (1 - alpha) a + alpha b. The file has a line for every soup, with
      both parents' scores, and is continued after any interruption. Images stay in
      memory and checkpoints mapped, so that a soup costs its forward passes.

      --batch-norm with several policies measures every soup under each; parents
      are measured under the first. --shift corrupts the images once, keeps them in
      memory, and measures models and soups on them too.
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

  @Flag(
    help: "Give a soup up once it cannot beat its better parent; its scores are then of the images seen.")
  var earlyStop = false

  @Option(
    help: ArgumentHelp(
      "With --shift: leave soups below this accuracy on clean images unmeasured, as 0.05.", valueName: "accuracy"))
  var skipCollapsed: Double?

  @OptionGroup(title: "Shift") var corruptions: ComputedShift

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
    if corruptions.shift == nil, skipCollapsed != nil || !corruptions.given.isEmpty {
      let given = corruptions.given + (skipCollapsed == nil ? [] : ["--skip-collapsed"])
      throw ValidationError("\(given.joined(separator: ", ")) need --shift: \(ComputedShift.advice)")
    }
    if let skipCollapsed, !(0...1).contains(skipCollapsed) {
      throw ValidationError("--skip-collapsed must be in 0...1, found \(skipCollapsed)")
    }
    if let sample, sample < 1 { throw ValidationError("--sample must be at least 1, found \(sample)") }
    if let between, between < 1 { throw ValidationError("--between must be at least 1, found \(between)") }
  }

  func run(_ console: Console) throws {
    let landscape = try Landscape(checkpoints, options, part: split, severalPolicies: true, console: console)
    let count = landscape.states.count
    guard count >= 2 else { throw ValidationError("a pair needs two checkpoints, found \(count)") }
    if let between, between >= count {
      throw ValidationError("--between \(between) leaves no others: \(count) checkpoints were given")
    }
    let measurement = try PairMeasurement(
      landscape, policies: options.batchNorm.values, corruptions: corruptions, skipCollapsed: skipCollapsed,
      earlyStop: earlyStop)
    let file = try landscape.points(
      "pairs", keys: ["a", "b", "alpha"], values: measurement.columns, settings: measurement.settings)
    let soups = pairs(count).flatMap { pair in alpha.values.map { Soup(a: pair.0, b: pair.1, alpha: $0) } }
    func key(_ soup: Soup) -> [PointTable.Cell] {
      [.text(landscape.names[soup.a]), .text(landscape.names[soup.b]), .number(soup.alpha)]
    }
    let missing = soups.filter { file.table.row(key($0)) == nil }
    let parents = Set(missing.flatMap { [$0.a, $0.b] }).sorted()
    let bar = landscape.bar("Pairs", evaluations: parents.count + missing.count * options.batchNorm.values.count)
    for index in parents { try measurement.measure(parent: index, bar: bar) }
    let start = ContinuousClock.now
    for soup in missing {
      try file.append(key(soup) + measurement.cells(soup.a, soup.b, alpha: soup.alpha, bar: bar))
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    bar.finish()
    let rows = soups.compactMap { file.table.row(key($0)) }
    let summary = PairSummary(rows, of: file.table, policies: options.batchNorm.values)
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
    for other in summary.otherPolicies {
      console.print(
        "Batch norm \(other.policy.rawValue): \(Format.percent(other.aboveBest)) % above both parents, on average "
          + "\(Statistics.points(other.overBest)) points over the best; it turns \(Format.count(other.turned)) soups that were "
          + "not better into better ones.")
    }
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

  private struct Report: Encodable {
    let landscape = "pairs"
    let split: String
    let summary: PairSummary
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

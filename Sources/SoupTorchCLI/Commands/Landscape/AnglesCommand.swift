import ArgumentParser
import SoupAnalysis
import SoupCLI
import SoupEvaluation

/// `soup landscape angles`
struct AnglesCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "angles",
    abstract: "The angle between the task vectors of every pair, and what averaging the pair gains.",
    discussion: """
      EXAMPLES
        soup landscape angles runs/ --base base.safetensors
        soup landscape angles runs/ --base base.safetensors --csv angles.csv

      The task vector of a model is its weights minus the base's. The interpolation
      advantage is the accuracy of the mean of two models minus the mean of their
      accuracies. Wortsman et al., 2022, found that it grows with the angle.
      """)

  @Argument(help: ArgumentHelp("Checkpoints, or folders of them.", valueName: "checkpoint"))
  var checkpoints: [String]

  @Option(help: ArgumentHelp("The weights that all were fine-tuned from.", valueName: "checkpoint"))
  var base: String

  @Option(help: ArgumentHelp("test, held-out, or train.", valueName: "part"))
  var split: EvaluationImages.Part = .test

  @OptionGroup var options: LandscapeOptions
  var output: OutputOptions { options.output }

  func run(_ console: Console) throws {
    let landscape = try Landscape([base] + checkpoints, options, part: split, console: console)
    let count = landscape.states.count - 1
    guard count >= 2 else { throw ValidationError("a pair needs two checkpoints besides the base, found \(count)") }
    let space = try landscape.space(landscape.states)
    let file = try landscape.points(
      "angles", keys: ["a", "b"],
      values: ["cosine", "angle", "top1_a", "top1_b", "top1_middle", "loss_middle", "advantage", "advantage_low"]
        + ["advantage_high", "over_best", "over_best_p"])
    func key(_ a: Int, _ b: Int) -> [PointTable.Cell] { [.text(landscape.names[a]), .text(landscape.names[b])] }
    let pairs = (1...count).flatMap { a in (a + 1..<max(count + 1, a + 1)).map { (a, $0) } }
    let missing = pairs.filter { file.table.row(key($0.0, $0.1)) == nil }
    let singles = Set(missing.flatMap { [$0.0, $0.1] }).sorted()
    let bar = landscape.bar("Angles", evaluations: singles.count + missing.count)
    func share(_ members: [Int]) -> [Double] {
      (0...count).map { members.contains($0) ? 1 / Double(members.count) : 0 }
    }
    var own: [Int: SampleOutcomes] = [:]
    for index in singles { own[index] = try landscape.outcomes(space, at: share([index]), bar: bar) }
    let products = missing.isEmpty ? [] : try space.taskVectorProducts(base: 0)
    for (a, b) in missing {
      guard let first = own[a], let second = own[b] else { continue }
      let middle = try landscape.outcomes(space, at: share([a, b]), bar: bar)
      let angle = WeightAngle(uu: products[a][a], uv: products[a][b], vv: products[b][b])
      let gains = middle.correct.indices.map { image -> Double in
        (middle.correct[image] ? 1 : 0) - ((first.correct[image] ? 1 : 0) + (second.correct[image] ? 1 : 0)) / 2
      }
      let interval = try PairedBootstrap().mean(gains)
      let best = first.score.top1 >= second.score.top1 ? first : second
      let outcomes = try PairedOutcomes(middle.correct, best.correct)
      let numbers = [
        angle.cosine, angle.degrees, first.score.top1, second.score.top1, middle.score.top1, middle.score.loss,
        gains.reduce(0, +) / Double(gains.count), interval.lower, interval.upper, outcomes.difference, outcomes.mcNemar,
      ]
      try file.append(key(a, b) + numbers.map { .number($0) })
    }
    bar.finish()
    let rows = pairs.compactMap { file.table.row(key($0.0, $0.1)) }
    func column(_ name: String) -> [Double] { rows.map { file.table.number(name, $0) } }
    let together =
      rows.count < 3
      ? nil
      : Correlations(
        pearson: try Correlation.pearson(column("angle"), column("advantage")),
        spearman: try Correlation.spearman(column("angle"), column("advantage")))
    try file.finish(together)
    if console.isJSON {
      try console.emit(Report(split: split.rawValue, correlation: together, pairs: file.table))
      return
    }
    var table = Table([
      .init("a"), .init("b"), .init("angle °", .right), .init("a %", .right), .init("b %", .right),
      .init("middle %", .right), .init("advantage", .right), .init("over the best", .right), .init("p", .right),
    ])
    for row in rows {
      func value(_ name: String) -> Double { file.table.number(name, row) }
      let names = row[..<2].map { if case .text(let name) = $0 { name } else { "" } }
      table.add(
        names + [
          Format.fixed(value("angle"), 1), Format.percent(value("top1_a")), Format.percent(value("top1_b")),
          Format.percent(value("top1_middle")),
          "\(Statistics.points(value("advantage"))) [\(Statistics.points(value("advantage_low"))), "
            + "\(Statistics.points(value("advantage_high")))]",
          Statistics.points(value("over_best")), Statistics.pValue(value("over_best_p")),
        ])
    }
    console.print(table)
    if let together {
      console.print(
        "\nAngle and advantage: Spearman \(Format.fixed(together.spearman.coefficient, 2)) "
          + "(p = \(Statistics.pValue(together.spearman.pValue))), Pearson "
          + "\(Format.fixed(together.pearson.coefficient, 2)). Pairs share models, so p is too small.")
    }
    console.note(landscape.footnote())
  }

  private struct Correlations: Encodable {
    let pearson: Correlation
    let spearman: Correlation
  }

  private struct Report: Encodable {
    let landscape = "angles"
    let split: String
    /// Of angle and advantage over the pairs.
    let correlation: Correlations?
    let pairs: PointTable
  }
}

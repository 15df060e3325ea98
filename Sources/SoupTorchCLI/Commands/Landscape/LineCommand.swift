import ArgumentParser
import SoupAnalysis
import SoupCLI
import SoupEvaluation

/// `soup landscape line`
struct LineCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "line",
    abstract: "Loss and error on the straight line between two models, and the height of the barrier.",
    discussion: """
      EXAMPLES
        soup landscape line a.safetensors b.safetensors
        soup landscape line a.safetensors b.safetensors --from -0.5 --to 1.5

      A point is (1 - alpha) A + alpha B. The barrier is the largest rise of the loss
      (or the error) above the straight line between its values at the two models: 0
      where they are linearly connected.
      """)

  @Argument(help: ArgumentHelp("The first model, at alpha 0.", valueName: "A"))
  var first: String

  @Argument(help: ArgumentHelp("The second model, at alpha 1.", valueName: "B"))
  var second: String

  @Option(help: ArgumentHelp("Points from the first alpha to the last; 0 and 1 are always among them.", valueName: "n"))
  var points = 11

  @Option(help: ArgumentHelp("First alpha; below 0 extrapolates.", valueName: "alpha"))
  var from = 0.0

  @Option(help: ArgumentHelp("Last alpha; above 1 extrapolates.", valueName: "alpha"))
  var to = 1.0

  @Option(help: ArgumentHelp("test, held-out, or train.", valueName: "part"))
  var split: EvaluationImages.Part = .test

  @OptionGroup var options: LandscapeOptions
  var output: OutputOptions { options.output }

  func validate() throws {
    guard points >= 2, from < to else { throw ValidationError("a line has at least 2 points, --from below --to") }
  }

  func run(_ console: Console) throws {
    let landscape = try Landscape([first, second], options, part: split, console: console)
    let space = try landscape.space(landscape.states)
    let file = try landscape.points("line", keys: ["alpha"], values: Landscape.scoreColumns)
    let grid = (0..<points).map { from + (to - from) * Double($0) / Double(points - 1) }
    let alphas = Set(grid).union([0, 1]).sorted()
    let missing = alphas.filter { file.table.row([.number($0)]) == nil }
    let bar = landscape.bar("Line", evaluations: missing.count)
    for alpha in missing {
      let score = try landscape.outcomes(space, at: [1 - alpha, alpha], bar: bar).score
      try file.append([.number(alpha)] + Landscape.cells(score))
    }
    bar.finish()
    let rows = alphas.compactMap { file.table.row([.number($0)]) }
    let barrier = Barriers(
      loss: try LossBarrier(rows.map { ($0[0].number ?? 0, file.table.number("loss", $0)) }),
      error: try LossBarrier(rows.map { ($0[0].number ?? 0, file.table.number("error", $0)) }))
    try file.finish(barrier)
    if console.isJSON {
      try console.emit(Report(from: first, to: second, split: split.rawValue, barrier: barrier, points: file.table))
    } else {
      var table = Table([
        .init("alpha", .right), .init("top-1 %", .right), .init("loss", .right), .init("ECE %", .right),
      ])
      for row in rows { table.add([Format.significant(row[0].number ?? 0)] + LandscapeText.score(file.table, row)) }
      console.print(table)
      console.print(
        "\nBarrier: loss \(LandscapeText.height(barrier.loss) { Format.fixed($0, 4) }), "
          + "error \(LandscapeText.height(barrier.error) { Format.percent($0) + " points" }).")
      console.note(landscape.footnote())
    }
  }

  private struct Barriers: Encodable {
    let loss: LossBarrier
    let error: LossBarrier
  }

  private struct Report: Encodable {
    let landscape = "line"
    /// The models at alpha 0 and 1.
    let from: String
    let to: String
    let split: String
    let barrier: Barriers
    let points: PointTable
  }
}

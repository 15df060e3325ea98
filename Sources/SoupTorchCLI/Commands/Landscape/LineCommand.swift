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

  @Option(
    parsing: .unconditional, help: ArgumentHelp("First alpha; below 0 extrapolates.", valueName: "alpha"))
  var from = 0.0

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Last alpha; above 1 extrapolates.", valueName: "alpha"))
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
    // What happened to each image, for the intervals.
    var outcomes: [Double: SampleOutcomes] = [:]
    for alpha in missing {
      outcomes[alpha] = try landscape.outcomes(space, at: [1 - alpha, alpha], bar: bar)
      try file.append([.number(alpha)] + Landscape.cells(outcomes[alpha]!.score))
    }
    bar.finish()
    let rows = alphas.compactMap { file.table.row([.number($0)]) }
    func measured(_ column: String, _ value: (SampleOutcomes, Int) -> Double) throws -> Barrier {
      let barrier = try LossBarrier(rows.map { ($0[0].number ?? 0, file.table.number(column, $0)) })
      guard barrier.height > 0 else { return Barrier(barrier, interval: nil) }
      // Points of an earlier call are in the file, their images are not.
      for alpha in [0, barrier.alpha, 1] where outcomes[alpha] == nil {
        outcomes[alpha] = try landscape.outcomes(space, at: [1 - alpha, alpha])
      }
      guard let start = outcomes[0], let top = outcomes[barrier.alpha], let end = outcomes[1] else {
        return Barrier(barrier, interval: nil)
      }
      let rises = top.correct.indices.map { image in
        value(top, image) - ((1 - barrier.alpha) * value(start, image) + barrier.alpha * value(end, image))
      }
      return Barrier(barrier, interval: rises.allSatisfy(\.isFinite) ? try PairedBootstrap().mean(rises) : nil)
    }
    let barrier = Barriers(
      loss: try measured("loss") { Double($0.losses[$1]) }, error: try measured("error") { $0.correct[$1] ? 0 : 1 })
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
        "\nBarrier: loss \(barrier.loss.text { Format.fixed($0, 4) }), "
          + "error \(barrier.error.text(unit: " points") { Format.percent($0) }).")
      console.note(landscape.footnote())
    }
  }

  private struct Barriers: Encodable {
    let loss: Barrier
    let error: Barrier
  }

  private struct Barrier: Encodable {
    let height: Double
    let alpha: Double
    /// 95 % for other images of the kind, at this alpha (paired bootstrap); nil without a barrier.
    let interval: Interval?

    init(_ barrier: LossBarrier, interval: Interval?) {
      (height, alpha, self.interval) = (barrier.height, barrier.alpha, interval)
    }

    /// `0.0123 [0.0101, 0.0150] at alpha 0.4`
    func text(unit: String = "", _ format: (Double) -> String) -> String {
      guard height != 0 else { return "none" }
      let range = interval.map { " [\(format($0.lower)), \(format($0.upper))]" } ?? ""
      return format(height) + range + unit + " at alpha \(Format.significant(alpha))"
    }
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

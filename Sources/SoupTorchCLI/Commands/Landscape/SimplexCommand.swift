import ArgumentParser
import SoupAnalysis
import SoupCLI
import SoupEvaluation

/// `soup landscape simplex`
struct SimplexCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "simplex",
    abstract: "Loss and error of all mixtures of three models, on a triangular grid.",
    discussion: """
      EXAMPLES
        soup landscape simplex a.pt b.pt c.pt --steps 9 --csv simplex.csv

      Points are mixtures of the three whose shares are multiples of 1/n: (n + 1)(n +
      2)/2 of them. The corners are the models, the edges their lines, the middle the
      uniform soup.
      """)

  @Argument(help: ArgumentHelp("Three models.", valueName: "model"))
  var models: [String]

  @Option(
    help: ArgumentHelp("Steps along an edge; a multiple of 3 has the uniform soup among its points.", valueName: "n"))
  var steps = 6

  @Option(help: ArgumentHelp("test, held-out, or train.", valueName: "part"))
  var split: EvaluationImages.Part = .test

  @OptionGroup var options: LandscapeOptions
  var output: OutputOptions { options.output }

  func validate() throws {
    guard models.count == 3 else { throw ValidationError("a simplex has three models here, found \(models.count)") }
    guard steps >= 1 else { throw ValidationError("--steps must be at least 1, found \(steps)") }
  }

  func run(_ console: Console) throws {
    let landscape = try Landscape(models, options, part: split, console: console)
    let space = try landscape.space(landscape.states)
    let file = try landscape.points("simplex", keys: ["a", "b", "c"], values: Landscape.scoreColumns)
    let grid = SimplexGrid.points(steps: steps)
    let missing = grid.filter { file.table.row($0.map(PointTable.Cell.number)) == nil }
    let bar = landscape.bar("Simplex", evaluations: missing.count)
    for point in missing {
      try file.append(
        point.map(PointTable.Cell.number) + Landscape.cells(landscape.outcomes(space, at: point, bar: bar).score))
    }
    bar.finish()
    let corners = landscape.ingredients.paths.enumerated().map { index, path in
      Mark(checkpoint: path, a: index == 0 ? 1 : 0, b: index == 1 ? 1 : 0, c: index == 2 ? 1 : 0)
    }
    try file.finish(["models": corners])
    if console.isJSON {
      try console.emit(Report(split: split.rawValue, models: corners, points: file.table))
      return
    }
    var table = Table([
      .init("a", .right), .init("b", .right), .init("c", .right), .init("top-1 %", .right), .init("loss", .right),
      .init("ECE %", .right),
    ])
    for point in grid {
      guard let row = file.table.row(point.map(PointTable.Cell.number)) else { continue }
      table.add(point.map { Format.fixed($0, 3) } + LandscapeText.score(file.table, row))
    }
    console.print(table)
    console.print("\na: \(landscape.names[0]), b: \(landscape.names[1]), c: \(landscape.names[2])")
    console.note(landscape.footnote())
  }

  private struct Mark: Encodable {
    let checkpoint: String
    let a: Double
    let b: Double
    let c: Double
  }

  private struct Report: Encodable {
    let landscape = "simplex"
    let split: String
    let models: [Mark]
    let points: PointTable
  }
}

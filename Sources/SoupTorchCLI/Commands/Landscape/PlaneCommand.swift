import ArgumentParser
import SoupAnalysis
import SoupCLI
import SoupEvaluation

/// `soup landscape plane`
struct PlaneCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "plane",
    abstract: "Loss and error on the plane through three models.",
    discussion: """
      EXAMPLES
        soup landscape plane base.pt a.pt b.pt --split train --csv plane.csv
        soup landscape plane base.safetensors runs/1.safetensors runs/2.safetensors

      The base lies at (0, 0), the first model on the x axis; one step on either axis
      is one unit of Euclidean distance between weights. The grid covers the three
      models with a margin; they are evaluated too and marked in the CSV. Section 3
      of Wortsman et al., 2022, arXiv:2203.05482.
      """)

  @Argument(help: ArgumentHelp("The model at the origin, often the base.", valueName: "base"))
  var base: String

  @Argument(help: ArgumentHelp("Two more models.", valueName: "model"))
  var models: [String]

  @Option(help: ArgumentHelp("Grid points along x and along y.", valueName: "n"))
  var points = 9

  @Option(help: ArgumentHelp("Margin around the models, as a fraction of their extent.", valueName: "fraction"))
  var margin = 0.2

  @Option(help: ArgumentHelp("test, held-out, or train.", valueName: "part"))
  var split: EvaluationImages.Part = .test

  @OptionGroup var options: LandscapeOptions
  var output: OutputOptions { options.output }

  func validate() throws {
    guard models.count == 2 else {
      throw ValidationError("a plane goes through three models, found \(models.count + 1)")
    }
    guard points >= 2, margin >= 0 else { throw ValidationError("--points is at least 2, --margin at least 0") }
  }

  func run(_ console: Console) throws {
    let landscape = try Landscape([base] + models, options, part: split, console: console)
    let space = try landscape.space(landscape.states)
    let products = try space.taskVectorProducts(base: 0)
    let plane = try WeightPlane(u1u1: products[1][1], u1u2: products[1][2], u2u2: products[2][2])
    let file = try landscape.points("plane", keys: ["x", "y", "model"], values: Landscape.scoreColumns)
    let grid = plane.grid(columns: points, rows: points, margin: margin)
    func key(_ point: WeightPlane.Point, _ name: String = "") -> [PointTable.Cell] {
      [.number(point.x), .number(point.y), .text(name)]
    }
    // At the models themselves the coefficients are exact, not those of the rounded coordinates.
    let corners = plane.models.indices.map { index in
      (key(plane.models[index], landscape.names[index]), (0..<3).map { $0 == index ? 1.0 : 0 })
    }
    let all = corners + grid.map { (key($0), plane.coefficients(at: $0)) }
    let missing = all.filter { file.table.row($0.0) == nil }
    let bar = landscape.bar("Plane", evaluations: missing.count)
    for (key, coefficients) in missing {
      try file.append(key + Landscape.cells(landscape.outcomes(space, at: coefficients, bar: bar).score))
    }
    bar.finish()
    let marks = zip(landscape.ingredients.paths, plane.models).map { Mark(checkpoint: $0, x: $1.x, y: $1.y) }
    try file.finish(Summary(models: marks, angle: plane.angle))
    if console.isJSON {
      try console.emit(
        Report(
          split: split.rawValue, models: marks, angle: plane.angle, points: file.table.filtered { $0[2] == .text("") }))
      return
    }
    var table = Table([
      .init("model"), .init("x", .right), .init("y", .right), .init("top-1 %", .right), .init("loss", .right),
      .init("ECE %", .right),
    ])
    for ((name, mark), corner) in zip(zip(landscape.names, marks), corners) {
      guard let row = file.table.row(corner.0) else { continue }
      table.add(
        [name, Format.significant(mark.x), Format.significant(mark.y)] + LandscapeText.score(file.table, row))
    }
    console.print(table)
    console.print("\nAngle at the base: \(Format.fixed(plane.angle, 1))°. Error in %, y upwards, x to the right:\n")
    var map = Table([.init("y", .right)] + (0..<points).map { _ in .init("", .right) })
    for y in (0..<points).reversed() {
      let line = grid[y * points..<(y + 1) * points]
      map.add(
        [Format.significant(line.first?.y ?? 0, 3)]
          + line.map { point in
            file.table.row(key(point)).map { Format.percent(file.table.number("error", $0)) } ?? ""
          })
    }
    map.add(["x"] + grid[..<points].map { Format.significant($0.x, 3) }, bold: true)
    console.print(map)
    console.note(landscape.footnote())
  }

  private struct Mark: Encodable {
    let checkpoint: String
    let x: Double
    let y: Double
  }

  private struct Summary: Encodable {
    let models: [Mark]
    /// In degrees, at the base.
    let angle: Double
  }

  private struct Report: Encodable {
    let landscape = "plane"
    let split: String
    let models: [Mark]
    let angle: Double
    let points: PointTable
  }
}

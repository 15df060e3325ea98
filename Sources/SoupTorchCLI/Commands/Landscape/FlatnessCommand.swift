import ArgumentParser
import Foundation
import SoupAnalysis
import SoupCLI
import SoupEvaluation
import SoupMixing
import SoupTensors

/// `soup landscape flatness`
struct FlatnessCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "flatness",
    abstract: "How steeply the loss rises around each model, and around their soup.",
    discussion: """
      EXAMPLES
        soup landscape flatness runs/
        soup landscape flatness runs/ --soup greedy.safetensors --csv flatness.csv

      Random directions, scaled filter by filter to the weights (Li et al., 2018,
      arXiv:1712.09913), so that radius 1 is as far as the weights are long. The rise
      of a direction is the largest loss within the radius, on both sides, minus the
      loss at the model; the table has its mean and largest over the directions. All
      models are moved along the same directions before scaling, so the soup is
      compared with each of them direction by direction.
      """)

  @Argument(help: ArgumentHelp("Checkpoints, or folders of them.", valueName: "checkpoint"))
  var checkpoints: [String]

  @Option(
    help: ArgumentHelp("The soup to compare with. (default: the uniform soup of all)", valueName: "checkpoint"))
  var soup: String?

  @Option(help: ArgumentHelp("Random directions.", valueName: "n"))
  var directions = 5

  @Option(help: ArgumentHelp("How far to go, relative to the weights.", valueName: "r"))
  var radius = 0.1

  @Option(help: ArgumentHelp("Points on each side of a model.", valueName: "n"))
  var steps = 3

  @Option(help: ArgumentHelp("Seed of the directions.", valueName: "n"))
  var seed: UInt64 = 0

  @Option(help: ArgumentHelp("test, held-out, or train.", valueName: "part"))
  var split: EvaluationImages.Part = .train

  @OptionGroup var options: LandscapeOptions
  var output: OutputOptions { options.output }

  func validate() throws {
    guard directions >= 1, steps >= 1, radius > 0 else {
      throw ValidationError("--directions and --steps are at least 1, --radius is above 0")
    }
  }

  func run(_ console: Console) throws {
    let count = try Ingredients(checkpoints, model: options.data.namedModel()).paths.count
    let landscape = try Landscape(checkpoints + (soup.map { [$0] } ?? []), options, part: split, console: console)
    var subjects = zip(landscape.names, landscape.states).map { Subject(name: $0, state: $1) }
    if soup == nil, count > 1 {
      subjects.append(
        Subject(name: "uniform soup of \(count)", state: try Mixer().mix(.uniform(landscape.ingredients.paths))))
    }
    let file = try landscape.points(
      "flatness", keys: ["model", "direction", "step"], values: Landscape.scoreColumns,
      settings: ["seed": "\(seed)"])
    let offsets = (-steps...steps).filter { $0 != 0 }.map { radius * Double($0) / Double(steps) }
    func key(_ subject: Subject, _ direction: Int, _ step: Double) -> [PointTable.Cell] {
      [.text(subject.name), .number(Double(direction)), .number(step)]
    }
    // Direction 0, step 0 is the model itself.
    let wanted = subjects.map { subject in
      (0...directions).map { direction in
        (direction == 0 ? [0] : offsets).filter { file.table.row(key(subject, direction, $0)) == nil }
      }
    }
    let bar = landscape.bar("Flatness", evaluations: wanted.joined().reduce(0) { $0 + $1.count })
    for (subject, missing) in zip(subjects, wanted) where missing.contains(where: { !$0.isEmpty }) {
      let space = try landscape.space([subject.state])
      for (direction, offsets) in missing.enumerated() where !offsets.isEmpty {
        let moves =
          direction == 0
          ? nil
          : try WeightDirection(
            around: 0, of: space, generator: CounterGenerator(seed: seed).derived("flatness").derived(UInt64(direction))
          )
        for offset in offsets {
          let outcomes = try landscape.outcomes(
            space, at: [1], adding: moves.map { [($0, offset)] } ?? [], bar: bar)
          try file.append(key(subject, direction, offset) + Landscape.cells(outcomes.score))
        }
      }
    }
    bar.finish()
    let rises = subjects.map { subject -> [Double] in
      func loss(_ direction: Int, _ step: Double) -> Double {
        file.table.row(key(subject, direction, step)).map { file.table.number("loss", $0) } ?? .nan
      }
      let centre = loss(0, 0)
      return (1...directions).map { direction in
        offsets.map { loss(direction, $0) - centre }.reduce(0) { $1.isNaN || $0.isNaN ? .nan : max($0, $1) }
      }
    }
    let results = try subjects.indices.map { index in
      let last = subjects.count - 1
      let lower = zip(rises[index], rises[last]).map(-)
      return Result(
        model: subjects[index].name, loss: file.table.number("loss", file.table.row(key(subjects[index], 0, 0)) ?? []),
        meanRise: rises[index].reduce(0, +) / Double(directions),
        largestRise: rises[index].reduce(-.infinity) { $1.isNaN || $0.isNaN ? .nan : max($0, $1) },
        overSoup: index == last || !lower.allSatisfy(\.isFinite)
          ? nil : Difference(mean: lower.reduce(0, +) / Double(directions), interval: try PairedBootstrap().mean(lower))
      )
    }
    try file.finish(results)
    if console.isJSON {
      try console.emit(
        Report(
          split: split.rawValue, radius: radius, directions: directions, models: results, points: file.table))
      return
    }
    var table = Table([
      .init("model"), .init("loss", .right), .init("mean rise", .right), .init("largest rise", .right),
      .init("mean rise over the soup's", .right),
    ])
    for result in results {
      table.add(
        [
          result.model, Format.fixed(result.loss, 4), Format.fixed(result.meanRise, 4),
          Format.fixed(result.largestRise, 4),
          result.overSoup.map {
            "\(LandscapeText.signed($0.mean)) [\(LandscapeText.signed($0.interval.lower)), "
              + "\(LandscapeText.signed($0.interval.upper))]"
          } ?? "",
        ], bold: result.overSoup == nil)
    }
    console.print(table)
    console.note(
      "Within radius \(Format.significant(radius)), \(directions) directions; [ ] is a 95 % bootstrap interval over them."
    )
    console.note(landscape.footnote())
  }

  private struct Subject {
    let name: String
    let state: StateDict
  }

  private struct Difference: Encodable {
    let mean: Double
    let interval: Interval
  }

  private struct Result: Encodable {
    let model: String
    let loss: Double
    /// Mean over directions of the largest rise along each.
    let meanRise: Double
    let largestRise: Double
    /// Rise minus the soup's, direction by direction.
    let overSoup: Difference?

    private enum CodingKeys: String, CodingKey {
      case model, loss
      case meanRise = "mean_rise"
      case largestRise = "largest_rise"
      case overSoup = "over_soup"
    }
  }

  private struct Report: Encodable {
    let landscape = "flatness"
    let split: String
    let radius: Double
    let directions: Int
    let models: [Result]
    let points: PointTable
  }
}

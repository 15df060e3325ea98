import ArgumentParser
import SoupAnalysis
import SoupCLI
import SoupEvaluation
import SoupTensors

/// `soup landscape approximation`
struct ApproximationCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "approximation",
    abstract: "Soup against ensemble on the line between two models: the true difference and its approximation.",
    discussion: """
      EXAMPLES
        soup landscape approximation a.safetensors b.safetensors
        soup landscape approximation a.safetensors b.safetensors --beta 1

      loss(soup) - loss(ensemble) is approximately a(1-a)/2 times (minus the
      curvature of the soup's loss + beta^2 times the expected variance of the
      models' difference): Guides/Ensembles.md. beta calibrates the soup in the
      middle on held-out images. Section 4 of Wortsman et al., 2022,
      arXiv:2203.05482.
      """)

  @Argument(help: ArgumentHelp("The first model, at alpha 0.", valueName: "A"))
  var first: String

  @Argument(help: ArgumentHelp("The second model, at alpha 1.", valueName: "B"))
  var second: String

  @Option(help: ArgumentHelp("Points from alpha 0 to 1; curvature is taken on this grid.", valueName: "n"))
  var points = 11

  @Option(
    help: ArgumentHelp(
      "Inverse temperature of both losses. (default: calibrated on held-out images)", valueName: "beta"))
  var beta: Double?

  @Option(help: ArgumentHelp("test, held-out, or train.", valueName: "part"))
  var split: EvaluationImages.Part = .test

  @OptionGroup var options: LandscapeOptions
  var output: OutputOptions { options.output }

  func validate() throws {
    guard points >= 3 else { throw ValidationError("--points is at least 3, found \(points)") }
    if let beta, !(beta > 0) { throw ValidationError("--beta must be above 0, found \(beta)") }
  }

  func run(_ console: Console) throws {
    let landscape = try Landscape([first, second], options, part: split, console: console)
    let space = try landscape.space(landscape.states)
    let file = try landscape.points(
      "approximation", keys: ["alpha"],
      values: [
        "beta", "soup_loss", "ensemble_loss", "difference", "estimate", "curvature_term", "variance_term", "soup_error",
        "ensemble_error",
      ], settings: ["points": "\(points)", "beta": beta.map { "\($0)" } ?? "calibrated"])
    let alphas = (0..<points).map { Double($0) / Double(points - 1) }
    let inner = alphas.dropFirst().dropLast()
    // Neighbours are needed for the curvature, so a line is computed whole or not at all; it is short.
    if inner.contains(where: { file.table.row([.number($0)]) == nil }) {
      try compute(landscape, space, alphas, file, console)
    }
    let rows = inner.compactMap { file.table.row([.number($0)]) }
    func column(_ name: String) -> [Double] { rows.map { file.table.number(name, $0) } }
    let agreement = rows.count < 2 ? nil : try Correlation.pearson(column("estimate"), column("difference"))
    try file.finish(agreement)
    if console.isJSON {
      try console.emit(Report(split: split.rawValue, correlation: agreement, points: file.table))
      return
    }
    var table = Table([
      .init("alpha", .right), .init("soup loss", .right), .init("ensemble loss", .right), .init("difference", .right),
      .init("estimate", .right), .init("curvature", .right), .init("variance", .right), .init("soup %", .right),
      .init("ensemble %", .right),
    ])
    for row in rows {
      func value(_ name: String) -> Double { file.table.number(name, row) }
      table.add(
        [
          Format.significant(value("alpha")), Format.fixed(value("soup_loss"), 4),
          Format.fixed(value("ensemble_loss"), 4),
        ]
          + ["difference", "estimate", "curvature_term", "variance_term"].map { LandscapeText.signed(value($0)) }
          + ["soup_error", "ensemble_error"].map { Format.percent(1 - value($0)) })
    }
    console.print(table)
    console.print(
      "\nLosses at beta \(Format.significant(rows.first.map { file.table.number("beta", $0) } ?? .nan)). A negative "
        + "difference speaks for the soup.")
    console.note(landscape.footnote())
  }

  private func compute(
    _ landscape: Landscape, _ space: WeightSpace, _ alphas: [Double], _ file: PointFile, _ console: Console
  ) throws {
    let bar = landscape.bar("Approximation", evaluations: alphas.count)
    var beta = beta ?? 1
    if self.beta == nil {
      let heldOut = try landscape.evaluator(.heldOut)
      let middle = try landscape.logits(space, at: [0.5, 0.5], on: heldOut)
      beta = try TemperatureScaling.inverseTemperature(middle, labels: heldOut.labels)
    }
    func logits(_ alpha: Double) throws -> HostTensor { try landscape.logits(space, at: [1 - alpha, alpha], bar: bar) }
    let ends = (try logits(0), try logits(1))
    // Only three points of the line and its ends are in memory.
    var (before, at) = (ends.0, try logits(alphas[1]))
    for index in 1..<alphas.count - 1 {
      let after = index + 1 == alphas.count - 1 ? ends.1 : try logits(alphas[index + 1])
      let labels = landscape.evaluator.labels
      let alpha = alphas[index]
      let found = try SoupEnsembleApproximation(
        alpha: alpha, step: alphas[1], beta: beta, ends: ends, soups: (before, at, after), labels: labels)
      let mean = try Ensemble.logits([ends.0, ends.1], weights: [1 - alpha, alpha])
      let errors = try [at, mean].map { 1 - (try landscape.evaluator.score($0).top1) }
      if file.table.row([.number(alpha)]) == nil {
        try file.append(
          [
            alpha, beta, found.soupLoss, found.ensembleLoss, found.difference, found.estimate, found.curvatureTerm,
            found.varianceTerm, errors[0], errors[1],
          ].map { .number($0) })
      }
      (before, at) = (at, after)
    }
    bar.finish()
  }

  private struct Report: Encodable {
    let landscape = "approximation"
    let split: String
    /// Pearson's, of estimate and true difference over the points.
    let correlation: Correlation?
    let points: PointTable
  }
}

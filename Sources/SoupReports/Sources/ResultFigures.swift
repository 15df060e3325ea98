/// The figures that any table of results has, and what it lacks for the others.
enum ResultFigures {
  static func add(_ table: ResultTable, to report: inout Report) {
    var figures: [Figure] = []
    if let figure = AccuracyVersusShift.figure(table) {
      figures.append(figure)
    } else {
      report.missing.append(
        "Accuracy against shift: needs at least two models scored on the test set and on a shifted one.")
    }
    if let figure = HeldOutVersusTest.figure(table) {
      figures.append(figure)
    } else {
      report.missing.append("Held-out against test: needs at least three single models scored on both.")
    }
    if !figures.isEmpty {
      report.sections.append(ReportSection(id: "models", title: "The models", figures: figures))
    }
    let small = HyperparameterFigures.figures(table)
    if small.isEmpty {
      report.missing.append("Hyperparameters against accuracy: needs at least three models with settings that differ.")
    } else {
      report.sections.append(
        ReportSection(
          id: "hyperparameters", title: "Hyperparameters",
          paragraphs: ["One figure for every setting that varied. Settings varied together: a trend may be another's."],
          figures: small))
    }
  }
}

import SoupCLI
import SoupEvaluation

/// Results under a shift as people read them: corruption by corruption, then row by row.
struct ShiftTables {
  let names: [String]
  let results: [ShiftResult]
  /// On the clean images; nil where there are none.
  let clean: [Score]?
  let severities: [Int]

  /// More columns than these do not fit side by side.
  static let widest = 6

  /// One row for each corruption: severities and their mean for one model, means for several.
  func corruptions() -> Table {
    results.count == 1 ? severityTable() : comparisonTable()
  }

  private func severityTable() -> Table {
    var table = Table(
      [.init("corruption")] + severities.map { .init("\($0)", .right) } + [.init("mean %", .right)])
    let result = results[0]
    for mean in result.means {
      table.add(
        [mean.name]
          + severities.map { severity in
            result.corruptions.first { $0.name == mean.name && $0.severity == severity }
              .map { Format.percent($0.accuracy) } ?? ""
          } + [accuracy(mean)])
    }
    table.addRule()
    table.add(
      ["mean"]
        + severities.map { severity in
          let all = result.corruptions.filter { $0.severity == severity }.map(\.accuracy)
          return Format.percent(all.reduce(0, +) / Double(all.count))
        } + [accuracy(result.mean)], bold: true)
    return table
  }

  private func comparisonTable() -> Table {
    let short = Ingredients.shortNames(names)
    let hasDifference = results.count == 2
    var table = Table(
      [.init("corruption, mean %")] + short.map { .init($0, .right) }
        + (hasDifference ? [.init("second against first", .right), .init("p", .right)] : []))
    func add(_ means: [ShiftResult.Mean], bold: Bool = false) {
      var cells = [means[0].name] + means.map(accuracy)
      if hasDifference, let comparison = means[1].againstFirst {
        cells += [Statistics.difference(comparison), Statistics.pValue(comparison.pValue)]
      }
      table.add(cells, bold: bold)
    }
    for index in results[0].means.indices { add(results.map { $0.means[index] }) }
    table.addRule()
    add(results.map(\.mean), bold: true)
    return table
  }

  /// One row for each model.
  func summary() throws -> Table {
    let hasErrors = results.contains { $0.mce != nil }
    let hasRelative = results.contains { $0.relativeMCE != nil }
    let compares = results.count > 1
    var columns: [Table.Column] = [.init("checkpoint")]
    if clean != nil { columns.append(.init("clean %", .right)) }
    columns += [.init("\(results[0].name) %", .right), .init("loss", .right), .init("ECE %", .right)]
    if hasErrors { columns.append(.init("mCE %", .right)) }
    if hasRelative { columns.append(.init("relative mCE %", .right)) }
    if compares { columns += [.init("\(results[0].name) against the first", .right), .init("p", .right)] }
    var table = Table(columns)
    for (index, result) in results.enumerated() {
      var cells = [names[index]]
      if let clean { cells.append(try Statistics.accuracy(clean[index])) }
      cells += [
        accuracy(result.mean), result.meanLoss.map { Format.fixed($0, 4) } ?? "nan", Format.percent(result.meanECE),
      ]
      for (isShown, value) in [(hasErrors, result.mce), (hasRelative, result.relativeMCE)] where isShown {
        cells.append(value.map { Format.percent($0, decimals: 1) } ?? "")
      }
      if compares {
        cells +=
          result.mean.againstFirst.map { [Statistics.difference($0), Statistics.pValue($0.pValue)] } ?? ["", ""]
      }
      table.add(cells)
    }
    return table
  }

  private func accuracy(_ mean: ShiftResult.Mean) -> String {
    "\(Format.percent(mean.accuracy)) ±\(Format.percent(mean.interval.halfWidth))"
  }

  static let legend =
    "± and [ ] are 95 % intervals over images (Wilson; bootstrap of means over corruptions, an image counting by the share "
    + "of its versions that are right); p is the sign-flip test's."
}

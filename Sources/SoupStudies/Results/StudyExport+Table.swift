import SoupAnalysis

/// Results as CSV (RFC 4180).
extension StudyExport {
  /// The records of one kind as a table; nested values are JSON.
  public static func csv(_ records: [Record], of kind: String) -> String {
    let rows = records.filter { $0["record"] == .text(kind) }
    var columns: [String] = []
    for key in rows.flatMap({ $0.keys.sorted() }) where key != "record" && !columns.contains(key) {
      columns.append(key)
    }
    let lead = ["model", "name", "run", "set", "step", "position", "alpha", "x", "y"].filter(columns.contains)
    columns = lead + columns.filter { !lead.contains($0) }
    return table(columns, rows.map { row in columns.map { row[$0].map(text) ?? "" } })
  }

  /// One row for each model: hyperparameters, then for each set accuracy with its interval, loss, counts, and the difference to the
  /// best single model on the same images with its interval and p.
  public func modelTable() -> String {
    let results = StudyResults(study)
    let comparisons = StudyComparisons(study, results)
    var settings: [String] = []
    for name in study.graph.models.flatMap({ $0.hyperparameters.map(\.name) }) where !settings.contains(name) {
      settings.append(name)
    }
    let ends = ["low", "high"]
    let against = ["difference", "difference low", "difference high", "p"]
    let measures = ["top1"] + ends + ["loss", "ece", "correct", "count"] + against
    let sets = study.file.sets.map(\.name)
    let hasShift = study.file.sets.contains { $0.isShift && !$0.isSelection }
    let columns =
      ["name", "role", "method", "members", "passes"] + settings
      + sets.flatMap { set in measures.map { "\(set) \($0)" } }
      + (hasShift ? (["top1"] + ends + against).map { "mean of shifts \($0)" } : []) + ["study", "study seed"]
    func cells(_ interval: Interval?) -> [String] { [interval?.lower, interval?.upper].map(Self.number) }
    func cells(_ comparison: PairedComparison?) -> [String] {
      [Self.number(comparison?.difference)] + cells(comparison?.interval) + [Self.number(comparison?.pValue)]
    }
    let rows = results.rows.map { row -> [String] in
      var line = [
        row.model.name, row.model.role.rawValue, row.model.method ?? "", row.members?.joined(separator: " ") ?? "",
        String(row.passes),
      ]
      line += settings.map { row.model.value(of: $0) ?? "" }
      for set in sets {
        let score = row.score(on: set)
        line.append(Self.number(score?.top1))
        line += cells(score.flatMap { comparisons.interval(of: $0, row) })
        line += [Self.number(score?.loss), Self.number(score?.values["ece"]?.double)]
        line += [score?.correct, score?.count].map { $0.map(String.init) ?? "" }
        line += cells(comparisons.comparison(of: row, on: set))
      }
      if hasShift {
        let mean = comparisons.shiftMean(of: row)
        line += [Self.number(mean?.top1)] + cells(mean?.interval) + cells(mean?.againstBest)
      }
      return line + [study.file.name, String(study.file.seed)]
    }
    comparisons.save()
    return Self.table(columns, rows)
  }

  private static func number(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }

  private static func text(_ value: JSONValue) -> String {
    switch value {
    case .null: ""
    case .bool(let flag): flag ? "true" : "false"
    case .integer(let number): String(number)
    case .number(let number): "\(number)"
    case .text(let text): text
    default: value.line
    }
  }

  private static func table(_ columns: [String], _ rows: [[String]]) -> String {
    ([columns] + rows).map { row in row.map(quoted).joined(separator: ",") + "\r\n" }.joined()
  }

  /// RFC 4180.
  private static func quoted(_ cell: String) -> String {
    cell.contains { $0 == "," || $0 == "\"" || $0.isNewline } ? "\"" + cell.replacing("\"", with: "\"\"") + "\"" : cell
  }
}

import SoupAnalysis

extension Study {
  /// The table of how alike the models of pairs are, by the names of the pairs' own table; nil without one, as where it failed.
  public func similarities(of pairs: StudyFile.Pairs) -> String? {
    guard let run = runs[RunSpecification.similarities(of: pairs.name)], run.state == .done else { return nil }
    return runFolder(run)[RunSpecification.similarities]
  }
}

/// What `soup landscape` printed, as records.
extension StudyExport {
  /// Points of a landscape: one on each line that a step printed, or the elements of `points` on its only line.
  func step(_ specification: RunSpecification) -> [Record] {
    guard let run = study.runs[specification.name], run.state == .done else { return [] }
    let lines = JSONValue.lines(run.printed ?? "")
    guard let kind = specification.record else {
      return lines.map { ["record": .text("result"), "run": .text(run.name), "value": $0] }
    }
    let names = StudyResults.names(study)
    func renamed(_ value: JSONValue) -> JSONValue { value.text.flatMap { names[$0] }.map(JSONValue.text) ?? value }
    var records: [Record] = []
    for line in lines {
      let common = (line.object ?? [:]).filter { ["from", "to", "set", "split"].contains($0.key) }.mapValues(renamed)
      for point in (line["points"] ?? line["pairs"])?.array ?? [line] {
        guard let values = point.object else { continue }
        var record = common.merging(values.mapValues(renamed)) { _, own in own }
        // A point may carry a whole score.
        if let score = record["score"]?.object {
          record["score"] = nil
          record.merge(score) { own, _ in own }
        }
        record["record"] = .text(kind)
        record["name"] = .text(run.name)
        records.append(record)
      }
      // Of loss and of error, each with a height, its place and an interval.
      for (metric, barrier) in (line["barrier"]?.object ?? [:]).sorted(by: { $0.key < $1.key }) {
        guard var record = barrier.object else { continue }
        record.merge(common) { own, _ in own }
        record["record"] = .text("barrier")
        record["name"] = .text(run.name)
        record["metric"] = .text(metric)
        records.append(record)
      }
      for mark in line["marks"]?.array ?? line["models"]?.array ?? [] {
        guard var record = mark.object?.mapValues(renamed) else { continue }
        record["record"] = .text("mark")
        record["name"] = .text(run.name)
        if record["model"] == nil { record["model"] = record["path"] ?? record["checkpoint"] }
        records.append(record)
      }
    }
    return records
  }

  /// A table of pair soups: models (`a` = `b`) and pairs, with how alike they are.
  func pairs(_ pairs: StudyFile.Pairs) -> [Record] {
    guard let run = study.runs[pairs.name], run.state == .done else { return [] }
    let folder = study.runFolder(run)
    func key(_ a: Substring, _ b: Substring) -> String { a < b ? "\(a)\u{1F}\(b)" : "\(b)\u{1F}\(a)" }
    var similarities: [String: Record] = [:]
    if let path = study.similarities(of: pairs), let measures = try? PlainTable(contentsOf: path),
      let a = measures.column("key_a"), let b = measures.column("key_b")
    {
      for row in measures.rows {
        similarities[key(row[a], row[b])] = Dictionary(
          uniqueKeysWithValues: zip(measures.columns, row).filter { $0.0 != "key_a" && $0.0 != "key_b" }.map {
            ($0.0, Self.typed(String($0.1)))
          })
      }
    }
    var records: [Record] = []
    for (name, file) in pairs.tables {
      guard let table = try? PlainTable(contentsOf: folder[file]), let a = table.column("key_a"),
        let b = table.column("key_b")
      else { continue }
      for row in table.rows {
        var record: Record = ["record": .text("pair"), "name": .text(name)]
        for (column, cell) in zip(table.columns, row) where !cell.isEmpty { record[column] = Self.typed(String(cell)) }
        record["key_a"] = .text(String(row[a]))
        record["key_b"] = .text(String(row[b]))
        record["similarities"] = similarities[key(row[a], row[b])].map(JSONValue.object)
        records.append(record)
      }
    }
    return records
  }

  /// How much better one model is than another, on every set and in the mean over the shifts.
  func contrasts(_ results: StudyResults, _ comparisons: StudyComparisons) -> [Record] {
    study.file.contrasts.flatMap { contrast -> [Record] in
      guard let row = results.row(contrast.model), let other = results.row(contrast.against) else { return [] }
      func record(_ set: String?, _ comparison: PairedComparison?) -> Record? {
        guard let comparison, var record = (try? JSONValue(encoding: comparison))?.object else { return nil }
        record["record"] = .text("contrast")
        record["model"] = .text(contrast.model)
        record["against"] = .text(contrast.against)
        record["seed"] = .integer(Int(truncatingIfNeeded: study.file.seed))
        record["set"] = set.map(JSONValue.text)
        return record
      }
      let sets = study.file.sets.compactMap { set in
        record(set.name, comparisons.comparison(of: row, against: other, on: set.name))
      }
      let mean = record(nil, comparisons.shiftComparison(of: row, against: other))
      return sets + [mean].compactMap(\.self)
    }
  }
}

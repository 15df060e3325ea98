import Foundation

/// A study as records, schema 1 of `Guides/Studies.md`: what reports and notebooks read.
public struct StudyExport {
  public static let schema = 1
  public typealias Record = [String: JSONValue]

  private let study: Study
  private let version: String

  public init(_ study: Study, version: String) {
    self.study = study
    self.version = version
  }

  /// All records, the study's own first.
  public func records() -> [Record] {
    let results = StudyResults(study)
    var records = [header()]
    records += study.currentRuns.map(run)
    records += results.rows.map(model)
    for row in results.rows { records += row.scores.map { score($0, of: row.model) } }
    for row in results.rows where row.model.role == .base || row.model.role == .ingredient {
      records += training(row.model)
    }
    for row in results.rows { records += search(row.model) }
    for specification in study.graph.runs where specification.kind == .step { records += step(specification) }
    return records.map { $0.filter { $0.value != .null } }
  }

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

  /// One row for each model: hyperparameters, then for each set accuracy, loss and counts.
  public func modelTable() -> String {
    let results = StudyResults(study)
    var settings: [String] = []
    for name in study.graph.models.flatMap({ $0.hyperparameters.map(\.name) }) where !settings.contains(name) {
      settings.append(name)
    }
    let measures = ["top1", "loss", "ece", "correct", "count"]
    let sets = study.file.sets.map(\.name)
    let columns =
      ["name", "role", "method", "members", "passes"] + settings
      + sets.flatMap { set in measures.map { "\(set) \($0)" } }
    let rows = results.rows.map { row -> [String] in
      var cells = [
        row.model.name, row.model.role.rawValue, row.model.method ?? "", row.members?.joined(separator: " ") ?? "",
        String(row.passes),
      ]
      cells += settings.map { row.model.value(of: $0) ?? "" }
      for set in sets {
        let score = row.score(on: set)
        cells += measures.map { measure in
          measure == "correct" ? score?.correct.map(String.init) ?? "" : score?.values[measure].map(Self.text) ?? ""
        }
      }
      return cells
    }
    return Self.table(columns, rows)
  }

  // MARK: Records

  private func header() -> Record {
    let runs = study.currentRuns
    let sets = study.file.sets.map { set -> JSONValue in
      .object([
        "set": .text(set.name), "split": .text(set.split), "shift": .bool(set.isShift),
        "selection": .bool(set.isSelection),
      ])
    }
    return [
      "record": .text("study"), "schema": .integer(Self.schema), "name": .text(study.file.name),
      "soup": .text(version), "seed": .integer(Int(truncatingIfNeeded: study.file.seed)),
      "data": study.file.data.map(JSONValue.text) ?? .null, "yaml": .text(study.file.text), "sets": .array(sets),
      "runs": .object(
        Dictionary(uniqueKeysWithValues: study.counts.map { ($0.key.rawValue, .integer($0.value)) })),
      "seconds": .number(runs.compactMap(\.seconds).reduce(0, +)),
      "started": Self.date(runs.compactMap(\.started).min()), "finished": Self.date(runs.compactMap(\.finished).max()),
    ]
  }

  private func run(_ run: StudyStore.Run) -> Record {
    let specification = study.graph[run.name]!
    let folder = study.runFolder(run)
    return [
      "record": .text("run"), "run": .text(run.name), "id": .text(run.id), "kind": .text(run.kind.rawValue),
      "state": .text(run.state.rawValue), "command": .array(study.words(specification).map(JSONValue.text)),
      "inputs": .array(specification.needs.map(JSONValue.text)),
      "outputs": .array(specification.outputs.map { .text(folder[$0]) }), "attempts": .integer(run.attempts),
      "started": Self.date(run.started), "finished": Self.date(run.finished),
      "seconds": run.seconds.map(JSONValue.number) ?? .null, "host": run.host.map(JSONValue.text) ?? .null,
      "threads": run.threads.map(JSONValue.integer) ?? .null, "error": run.error.map(JSONValue.text) ?? .null,
    ]
  }

  private func model(_ row: StudyResults.Row) -> Record {
    let model = row.model
    var record: Record = [
      "record": .text("model"), "model": .text(model.name), "role": .text(model.role.rawValue),
      "method": model.method.map(JSONValue.text) ?? .null,
      "checkpoint": row.checkpoint.map(JSONValue.text) ?? .null,
      "members": row.members.map { .array($0.map(JSONValue.text)) } ?? .null, "passes": .integer(row.passes),
    ]
    if case .run(let run) = model.source { record["run"] = .text(run) }
    if !model.hyperparameters.isEmpty {
      record["hyperparameters"] = .object(
        Dictionary(uniqueKeysWithValues: model.hyperparameters.map { ($0.name, Self.typed($0.value)) }))
    }
    return record
  }

  private func score(_ score: StudyResults.ModelScore, of model: StudyModel) -> Record {
    let set = study.file.sets.first { $0.name == score.set }!
    var record = score.values
    record["record"] = .text("score")
    record["model"] = .text(model.name)
    record["set"] = .text(set.name)
    record["split"] = .text(set.split)
    record["shift"] = .bool(set.isShift)
    record["selection"] = .bool(set.isSelection)
    record["correct"] = score.correct.map(JSONValue.integer) ?? .null
    record["predictions"] = score.predictions.map(JSONValue.text) ?? .null
    return record
  }

  private func training(_ model: StudyModel) -> [Record] {
    guard case .run(let name) = model.source, let run = study.runs[name],
      let data = FileManager.default.contents(
        atPath: study.runFolder(run)[RunSpecification.checkpoint] + ".jsonl")
        ?? FileManager.default.contents(atPath: study.runFolder(run)["model.jsonl"])
    else { return [] }
    return JSONValue.lines(String(decoding: data, as: UTF8.self)).compactMap { line in
      guard var record = line.object, record["step"] != nil, ["train", "held-out"].contains(record["event"]?.text)
      else {
        return nil
      }
      record["record"] = .text("training")
      record["model"] = .text(model.name)
      return record
    }
  }

  /// The path of a greedy search, and coefficients.
  private func search(_ model: StudyModel) -> [Record] {
    guard case .run(let name) = model.source, let run = study.runs[name], run.state == .done,
      [.season, .select].contains(run.kind), let value = JSONValue.lines(run.printed ?? "").last
    else { return [] }
    let names = StudyResults.names(study)
    let result = value["result"] ?? value
    var records: [Record] = []
    let metric = result["metric"]?.text ?? "top1"
    if let steps = result["steps"]?.array, let ingredients = result["ingredients"]?.array {
      let own = Dictionary(
        ingredients.compactMap { item in item["path"]?.text.map { ($0, item["score"]?[metric] ?? .null) } }
      ) { first, _ in first }
      func record(_ position: Int, _ path: String, _ score: JSONValue?, _ accepted: Bool) -> Record {
        [
          "record": .text("greedy"), "model": .text(model.name), "position": .integer(position),
          "candidate": .text(names[path] ?? path), "metric": .text(metric), "score": score ?? .null,
          "own": own[path] ?? .null, "accepted": .bool(accepted),
        ]
      }
      if let best = ingredients.first?["path"]?.text { records.append(record(1, best, own[best], true)) }
      for (index, step) in steps.enumerated() {
        guard let path = step["candidate"]?.text else { continue }
        let score = step["score"]?[metric] ?? step["score"]
        records.append(record(index + 2, path, score, step["accepted"]?.bool ?? false))
      }
    }
    // Learned and sampled soups: what share of each ingredient (by layer: the mean over tensors).
    let members = (result["ingredients"] ?? value["ingredients"])?.array?.compactMap { $0.text ?? $0["path"]?.text }
    let weights = (result["weights"] ?? value["weights"])?.array?.compactMap(\.double)
    if let members, let weights, members.count == weights.count {
      for (path, weight) in zip(members, weights) {
        records.append([
          "record": .text("coefficient"), "model": .text(model.name), "ingredient": .text(names[path] ?? path),
          "value": .number(weight),
        ])
      }
    }
    return records
  }

  /// Points of a landscape: one on each line that a step printed, or the elements of `points` on its only line.
  private func step(_ specification: RunSpecification) -> [Record] {
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
      for point in line["points"]?.array ?? [line] {
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

  // MARK: Values

  private static func date(_ seconds: Double?) -> JSONValue {
    guard let seconds else { return .null }
    let formatter = ISO8601DateFormatter()
    return .text(formatter.string(from: Date(timeIntervalSince1970: seconds)))
  }

  /// A number where the text is one.
  private static func typed(_ text: String) -> JSONValue {
    if let whole = Int(text) { return .integer(whole) }
    if let number = Double(text), number.isFinite { return .number(number) }
    return text == "true" ? .bool(true) : text == "false" ? .bool(false) : .text(text)
  }

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

import Foundation
import SoupAnalysis

/// A study as records, schema 1 of `Guides/Studies.md`: what reports and notebooks read.
public struct StudyExport {
  public static let schema = 1
  public typealias Record = [String: JSONValue]

  let study: Study
  private let version: String

  public init(_ study: Study, version: String) {
    self.study = study
    self.version = version
  }

  /// All records, the study's own first.
  public func records() -> [Record] {
    let results = StudyResults(study)
    let comparisons = StudyComparisons(study, results)
    var records = [header()]
    records += study.currentRuns.map(run)
    records += results.rows.map(model)
    for row in results.rows {
      for score in row.scores {
        records.append(self.score(score, of: row, comparisons))
        records += corruptions(score, of: row.model)
      }
      records += shiftMean(of: row, comparisons)
    }
    records += contrasts(results, comparisons)
    comparisons.save()
    for row in results.rows where [.base, .stage, .ingredient].contains(row.model.role) {
      records += training(row.model)
    }
    for row in results.rows { records += search(row.model) }
    for specification in study.graph.runs where specification.kind == .step { records += step(specification) }
    for pairs in study.file.pairs { records += self.pairs(pairs) }
    return records.map { $0.filter { $0.value != .null } }
  }

  // MARK: Records

  private func header() -> Record {
    let runs = study.currentRuns
    let sets = study.file.sets.map { set -> JSONValue in
      .object(
        [
          "set": .text(set.name), "split": .text(set.split), "shift": .bool(set.isShift),
          "selection": .bool(set.isSelection), "computed": set.shift.map(JSONValue.text) ?? .null,
        ].filter { $0.value != .null })
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
    record["parent"] = model.parent.map(JSONValue.text)
    if !model.hyperparameters.isEmpty {
      record["hyperparameters"] = .object(
        Dictionary(uniqueKeysWithValues: model.hyperparameters.map { ($0.name, Self.typed($0.value)) }))
    }
    return record
  }

  private func score(
    _ score: StudyResults.ModelScore, of row: StudyResults.Row, _ comparisons: StudyComparisons
  ) -> Record {
    var record = place(score)
    record.merge(score.values) { own, _ in own }
    record["record"] = .text("score")
    record["model"] = .text(row.model.name)
    record["correct"] = score.correct.map(JSONValue.integer) ?? .null
    record["predictions"] = score.predictions.map(JSONValue.text) ?? .null
    record["interval"] = Self.value(comparisons.interval(of: score, row))
    record["against_best"] = against(comparisons.comparison(of: row, on: score.set), comparisons)
    return record
  }

  /// Which images a score is of.
  private func place(_ score: StudyResults.ModelScore) -> Record {
    let set = study.file.sets.first { $0.name == score.set }!
    return [
      "set": .text(set.name), "split": .text(set.split), "shift": .bool(set.isShift),
      "selection": .bool(set.isSelection),
    ]
  }

  private func corruptions(_ score: StudyResults.ModelScore, of model: StudyModel) -> [Record] {
    (score.shift?.corruptions ?? []).map { corruption in
      var record = place(score)
      record["record"] = .text("corruption")
      record["model"] = .text(model.name)
      record["corruption"] = .text(corruption.name)
      record["severity"] = .integer(corruption.severity)
      record["count"] = .integer(corruption.images)
      record["top1"] = .number(corruption.accuracy)
      record["loss"] = corruption.loss.map(JSONValue.number) ?? .null
      return record
    }
  }

  private func shiftMean(of row: StudyResults.Row, _ comparisons: StudyComparisons) -> [Record] {
    guard let mean = comparisons.shiftMean(of: row) else { return [] }
    return [
      [
        "record": .text("shift-mean"), "model": .text(row.model.name), "sets": .array(mean.sets.map(JSONValue.text)),
        "top1": .number(mean.top1), "interval": Self.value(mean.interval),
        "against_best": against(mean.againstBest, comparisons),
      ]
    ]
  }

  private func against(_ comparison: PairedComparison?, _ comparisons: StudyComparisons) -> JSONValue {
    guard var fields = Self.value(comparison).object, let best = comparisons.reference else { return .null }
    fields["best"] = .text(best.members?.first ?? best.model.name)
    return .object(fields)
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
      func record(
        _ position: Int, _ path: String, _ score: JSONValue?, _ accepted: Bool, _ images: JSONValue? = nil
      ) -> Record {
        [
          "record": .text("greedy"), "model": .text(model.name), "position": .integer(position),
          "candidate": .text(names[path] ?? path), "metric": .text(metric), "score": score ?? .null,
          "own": own[path] ?? .null, "accepted": .bool(accepted), "images": images ?? .null,
        ]
      }
      if let best = ingredients.first?["path"]?.text { records.append(record(1, best, own[best], true)) }
      for (index, step) in steps.enumerated() {
        guard let path = step["candidate"]?.text else { continue }
        let score = step["score"]?[metric] ?? step["score"]
        records.append(record(index + 2, path, score, step["accepted"]?.bool ?? false, step["images"]))
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

  // MARK: Values

  private static func value(_ value: (some Encodable)?) -> JSONValue {
    value.flatMap { try? JSONValue(encoding: $0) } ?? .null
  }

  private static func date(_ seconds: Double?) -> JSONValue {
    guard let seconds else { return .null }
    let formatter = ISO8601DateFormatter()
    return .text(formatter.string(from: Date(timeIntervalSince1970: seconds)))
  }

  /// A number where the text is one.
  static func typed(_ text: String) -> JSONValue {
    if let whole = Int(text) { return .integer(whole) }
    if let number = Double(text), number.isFinite { return .number(number) }
    return text == "true" ? .bool(true) : text == "false" ? .bool(false) : .text(text)
  }
}

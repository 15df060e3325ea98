import Foundation
import SoupAnalysis

/// The models and scores of a study.
enum StudyTable {
  static func table(_ records: StudyRecords) -> ResultTable {
    var table = ResultTable(models: [])
    let sets = sets(records)
    table.heldOut = (sets.first { $0.selection } ?? sets.first { $0.split == "held-out" })?.key
    table.test =
      sets.first { !$0.shift && $0.key != table.heldOut && $0.split != "train" && $0.split != "held-out" }?.key
    table.shifts = sets.filter { $0.shift && $0.key != table.heldOut }.map(\.key)
    for set in sets {
      let isAlone = sets.count { $0.name == set.name } == 1
      table.titles[set.key] = isAlone ? set.name : "\(set.name), \(set.split)"
    }

    var scores: [String: [String: Measurement]] = [:]
    for record in records["score"] {
      guard let model = record["model"]?.string, let top1 = record["top1"]?.number else { continue }
      scores[model, default: [:]][Self.key(record)] = Measurement(
        accuracy: top1, count: record["count"]?.number.map { Int($0) }, loss: record["loss"]?.number,
        calibrationError: record["ece"]?.number, interval: interval(record["interval"]),
        gain: comparison(record["against_best"]))
    }
    var means: [String: Measurement] = [:]
    for record in records["shift-mean"] {
      guard let model = record["model"]?.string, let top1 = record["top1"]?.number else { continue }
      means[model] = Measurement(
        accuracy: top1, interval: interval(record["interval"]), gain: comparison(record["against_best"]))
    }
    for record in records["model"] {
      guard let name = record["model"]?.string else { continue }
      table.models.append(
        EvaluatedModel(
          name: name, kind: kind(record), scores: scores.removeValue(forKey: name) ?? [:],
          // The seed is none: nobody tunes it.
          hyperparameters: (record["hyperparameters"]?.object ?? [:]).filter { !$0.value.isNull && $0.key != "seed" },
          members: record["members"]?.array?.compactMap(\.string), passes: record["passes"]?.number.map { Int($0) }))
      table.models[table.models.count - 1].shiftMean = means[name]
    }
    // Scores of models that no record describes.
    for (name, scores) in scores.sorted(by: { $0.key < $1.key }) {
      table.models.append(EvaluatedModel(name: name, kind: .ingredient, scores: scores))
    }
    return table
  }

  private static func interval(_ value: JSON?) -> Interval? {
    guard let lower = value?["lower"]?.number, let upper = value?["upper"]?.number else { return nil }
    return Interval(lower, upper, level: value?["level"]?.number ?? 0.95)
  }

  private static func comparison(_ value: JSON?) -> PairedComparison? {
    guard let value, let data = value.text.data(using: .utf8) else { return nil }
    return try? JSONDecoder().decode(PairedComparison.self, from: data)
  }

  private struct Set {
    let key: String
    let name: String
    let split: String
    let shift: Bool
    let selection: Bool
  }

  private static func key(_ record: JSON) -> String {
    (record["set"]?.string ?? "") + "\u{1F}" + (record["split"]?.string ?? "")
  }

  /// In the order that the study states, then those that only scores name.
  private static func sets(_ records: StudyRecords) -> [Set] {
    var sets: [Set] = []
    for record in (records.study?["sets"]?.array ?? []) + records["score"] {
      let set = Set(
        key: key(record), name: record["set"]?.string ?? "images", split: record["split"]?.string ?? "",
        shift: record["shift"]?.bool ?? false, selection: record["selection"]?.bool ?? false)
      if !sets.contains(where: { $0.key == set.key }) { sets.append(set) }
    }
    return sets
  }

  private static func kind(_ record: JSON) -> ModelKind {
    let method = record["method"]?.string
    switch record["role"]?.string {
    case "base": return .base
    case "ingredient", "stage", nil: return .ingredient
    case "best": return .best
    case "ensemble":
      guard let method, !["uniform", "logits", "ensemble"].contains(method) else { return .mixture("ensemble") }
      return .mixture(method.contains("ensemble") ? method : method + " ensemble")
    default: return .mixture(method ?? record["model"]?.string ?? "soup")
    }
  }
}

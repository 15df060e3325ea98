import SoupAnalysis

/// Tables of pair soups in a study's records: `pair` (Guides/Studies.md), one table for each `name`.
enum PairRecords {
  /// Tables that average statistics of batch norm first: they are what others are compared with.
  static func tables(_ records: StudyRecords) -> [(name: String, table: PairTable)] {
    var names: [String] = []
    var groups: [String: [JSON]] = [:]
    for record in records["pair"] {
      let name = record["name"]?.string ?? "pairs"
      if groups[name] == nil { names.append(name) }
      groups[name, default: []].append(record)
    }
    return names.sorted { isAverage($0) && !isAverage($1) }.compactMap { name in
      table(groups[name] ?? []).map { (name, $0) }
    }
  }

  private static func isAverage(_ name: String) -> Bool { name.contains("average") || name == "pairs" }

  /// Nil without a pair. A collapse is an accuracy below half of the models' mean.
  private static func table(_ records: [JSON]) -> PairTable? {
    var table = PairTable(models: [], pairs: [])
    var indices: [String: Int] = [:]
    for record in records {
      guard let name = record["key_a"]?.string, name == record["key_b"]?.string, let scores = scores(record) else {
        continue
      }
      indices[name] = table.models.count
      table.models.append(
        .init(
          name: name, scores: scores, branchEpoch: record["branch_epoch_a"]?.number.flatMap { Int(exactly: $0) },
          variant: record["variant_a"].map(Text.value)))
    }
    var measures: [String] = []
    for record in records {
      guard let a = record["key_a"]?.string.flatMap({ indices[$0] }),
        let b = record["key_b"]?.string.flatMap({ indices[$0] }),
        a != b, let scores = scores(record)
      else { continue }
      var pair = PairTable.Pair(a: a, b: b, scores: scores)
      for (measure, value) in (record["similarities"]?.object ?? [:]).sorted(by: { $0.key < $1.key }) {
        guard let value = value.number else { continue }
        pair.similarities[measure] = value
        if !measures.contains(measure) { measures.append(measure) }
      }
      table.pairs.append(pair)
    }
    guard !table.pairs.isEmpty else { return nil }
    table.measures = measures
    let mean = table.models.reduce(0) { $0 + $1.scores.accuracy } / Double(table.models.count)
    table.collapse = (mean / 2).rounded()
    return table
  }

  private static func scores(_ record: JSON) -> PairTable.Scores? {
    guard let accuracy = record["clean_accuracy"]?.number else { return nil }
    return .init(
      accuracy: accuracy, loss: record["clean_loss"]?.number, corruptedAccuracy: record["corrupted_accuracy"]?.number,
      corruptedLoss: record["corrupted_loss"]?.number)
  }
}

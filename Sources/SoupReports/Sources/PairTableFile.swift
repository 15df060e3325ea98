import SoupAnalysis

/// Reads tables of pair soups: CSV with a header, one row for each soup of two models, and one for each model itself (`key_a` equal to
/// `key_b`).
///
/// | columns | |
/// |---|---|
/// | `key_a`, `key_b` | names of the models, in either order |
/// | `clean_accuracy` | percent |
/// | `clean_loss` | nats; optional, as all below |
/// | `acc_corr_3`, `loss_corr_3` (or `corrupted_accuracy`, `corrupted_loss`) | means over corrupted images; empty where not measured |
/// | `branch_epoch_a`, `branch_epoch_b` | where each left the common trunk |
/// | `model_id_a`, `model_id_b` (or `variant_a`, `variant_b`) | the variant of training of each |
///
/// Or what `soup landscape pairs` writes: `a`, `b`, `alpha`, `top1` and `loss` of the soup, of which those at α = 0.5 count, and of
/// the two models (`top1_a`, …), as fractions.
///
/// A second table has `key_a`, `key_b` and any number of measures of similarity, one a column.
/// - Source: chipnbits/too-salty, `analysis/rand_soups_seed_42.csv`, `similarity_metrics.csv`.
public enum PairTableFile {
  /// - Throws: `ReportError` with every problem and its line: columns that are missing, rows of another length, values that are no
  ///   finite numbers, models without a row of their own, pairs that are there twice, in whichever order.
  public static func read(_ path: String, similarities: String? = nil) throws(ReportError) -> PairTable {
    let file = try CSVRows(path, required: [])
    var table: PairTable
    if file.columns.contains("key_a") {
      table = try published(file, path)
    } else if Set(file.columns).isSuperset(of: ["a", "b", "alpha", "top1", "top1_a", "top1_b"]) {
      table = try landscape(file, path)
    } else {
      throw ReportError(
        .format, path: path, ["has columns \(file.columns.joined(separator: ", "))"],
        advice: "expected key_a, key_b, clean_accuracy, …, or what 'soup landscape pairs --csv' writes")
    }
    if let similarities { try add(similarities, to: &table) }
    return table
  }

  private static func landscape(_ file: CSVRows, _ path: String) throws(ReportError) -> PairTable {
    var problems: [String] = []
    var table = PairTable(models: [], pairs: [])
    var (indices, seen): ([String: Int], Set<[Int]>) = ([:], [])
    func scores(_ row: CSVRows.Row, _ suffix: String) -> PairTable.Scores {
      let accuracy = file.number("top1" + suffix, row, &problems)
      if accuracy == nil { problems.append("line \(row.line): top1\(suffix) is empty") }
      return .init(
        accuracy: (accuracy ?? .nan) * 100, loss: file.number("loss" + suffix, row, &problems),
        corruptedAccuracy: file.number("corrupted_top1" + suffix, row, &problems).map { $0 * 100 },
        corruptedLoss: file.number("corrupted_loss" + suffix, row, &problems))
    }
    for row in file.rows where file.number("alpha", row, &problems) == 0.5 {
      var places: [Int] = []
      for (column, suffix) in [("a", "_a"), ("b", "_b")] {
        let name = file.text(column, row)
        let own = scores(row, suffix)
        if let index = indices[name] {
          if table.models[index].scores != own {
            problems.append("line \(row.line): \(name) has other scores than before")
          }
          places.append(index)
        } else {
          places.append(table.models.count)
          indices[name] = table.models.count
          table.models.append(
            .init(
              name: name, scores: own,
              branchEpoch: file.number("branch_epoch" + suffix, row, &problems).flatMap { Int(exactly: $0) },
              variant: Self.variant(file, row, suffix)))
        }
      }
      if !seen.insert(places.sorted()).inserted {
        problems.append("line \(row.line): \(file.text("a", row)) and \(file.text("b", row)) are there twice")
      }
      table.pairs.append(.init(a: places[0], b: places[1], scores: scores(row, "")))
    }
    guard problems.isEmpty else { throw ReportError(.format, path: path, problems) }
    guard !table.pairs.isEmpty else { throw ReportError(.empty, path: path, ["has no soup at alpha 0.5"]) }
    return table
  }

  private static let known: Set<String> = [
    "key_a", "key_b", "clean_accuracy", "clean_loss", "acc_corr_3", "loss_corr_3", "corrupted_accuracy",
    "corrupted_loss", "branch_epoch_a", "branch_epoch_b", "model_id_a", "model_id_b", "variant_a", "variant_b",
  ]

  /// A whole number of epochs; nil for an empty field.
  private static func epoch(_ file: CSVRows, _ column: String, _ row: CSVRows.Row, _ problems: inout [String]) -> Int? {
    guard let value = file.number(column, row, &problems) else { return nil }
    if let epoch = Int(exactly: value), epoch >= 0 { return epoch }
    problems.append("line \(row.line): \(column) is '\(file.text(column, row))', expected a whole number of epochs")
    return nil
  }

  private static func published(_ file: CSVRows, _ path: String) throws(ReportError) -> PairTable {
    let missing = ["key_b", "clean_accuracy"].filter { !file.columns.contains($0) }
    guard missing.isEmpty else {
      throw ReportError(.format, path: path, ["has no column \(missing.joined(separator: ", "))"])
    }
    var problems = file.columns.filter { !known.contains($0) }.map { "line 1: column '\($0)' is not known" }
    var (models, indices): ([PairTable.Model], [String: Int]) = ([], [:])
    // Models first, in the order in which rows name them: pairs may come before their parents.
    var names: [String] = []
    var own: [String: (scores: PairTable.Scores, branch: Int?)] = [:]
    for row in file.rows {
      let (a, b) = (file.text("key_a", row), file.text("key_b", row))
      if a.isEmpty || b.isEmpty { problems.append("line \(row.line): a model has no name") }
      for (name, column) in [(a, "branch_epoch_a"), (b, "branch_epoch_b")] {
        let epoch = epoch(file, column, row, &problems)
        if let index = indices[name] {
          if models[index].branchEpoch != epoch {
            problems.append("line \(row.line): \(name) has another \(column.dropLast(2)) than before")
          }
          continue
        }
        indices[name] = names.count
        names.append(name)
        models.append(
          PairTable.Model(
            name: name, scores: .init(accuracy: .nan),
            branchEpoch: epoch, variant: Self.variant(file, row, column == "branch_epoch_a" ? "_a" : "_b")))
      }
      guard a == b else { continue }
      if own[a] != nil { problems.append("line \(row.line): \(a) is there twice") }
      own[a] = (scores(file, row, &problems), nil)
    }
    for index in models.indices {
      if let found = own[models[index].name] {
        models[index].scores = found.scores
      } else {
        problems.append("\(models[index].name) has no row of its own (key_a = key_b = \(models[index].name))")
      }
    }
    var (pairs, places): ([PairTable.Pair], [Int: Int]) = ([], [:])
    func place(_ a: Int, _ b: Int) -> Int { min(a, b) * models.count + max(a, b) }
    for row in file.rows {
      let (a, b) = (indices[file.text("key_a", row)]!, indices[file.text("key_b", row)]!)
      guard a != b else { continue }
      if places.updateValue(pairs.count, forKey: place(a, b)) != nil {
        problems.append("line \(row.line): \(models[a].name) and \(models[b].name) are there twice")
      }
      pairs.append(PairTable.Pair(a: a, b: b, scores: scores(file, row, &problems)))
    }
    guard problems.isEmpty else {
      throw ReportError(
        .format, path: path, problems,
        advice: "expected one row for each model and each pair; columns are \(known.sorted().joined(separator: ", "))")
    }
    guard !pairs.isEmpty else { throw ReportError(.empty, path: path, ["has no pair of models"]) }
    return PairTable(models: models, pairs: pairs)
  }

  private static func variant(_ file: CSVRows, _ row: CSVRows.Row, _ suffix: String) -> String? {
    ["model_id", "variant"].map { file.text($0 + suffix, row) }.first { !$0.isEmpty }
  }

  private static func scores(_ file: CSVRows, _ row: CSVRows.Row, _ problems: inout [String]) -> PairTable.Scores {
    let accuracy = file.number("clean_accuracy", row, &problems)
    if accuracy == nil { problems.append("line \(row.line): clean_accuracy is empty") }
    return PairTable.Scores(
      accuracy: accuracy ?? .nan, loss: file.number("clean_loss", row, &problems),
      corruptedAccuracy: file.number("acc_corr_3", row, &problems)
        ?? file.number("corrupted_accuracy", row, &problems),
      corruptedLoss: file.number("loss_corr_3", row, &problems) ?? file.number("corrupted_loss", row, &problems))
  }

  private static func add(
    _ path: String, to table: inout PairTable
  ) throws(ReportError) {
    let indices = Dictionary(uniqueKeysWithValues: table.models.enumerated().map { ($1.name, $0) })
    let places = Dictionary(
      uniqueKeysWithValues: table.pairs.enumerated().map {
        (min($1.a, $1.b) * table.models.count + max($1.a, $1.b), $0)
      })
    let file = try CSVRows(path, required: ["key_a", "key_b"])
    table.measures = file.columns.filter { $0 != "key_a" && $0 != "key_b" }
    var problems: [String] = []
    var seen: Set<Int> = []
    for row in file.rows {
      let (nameA, nameB) = (file.text("key_a", row), file.text("key_b", row))
      guard nameA != nameB else { continue }
      guard let a = indices[nameA], let b = indices[nameB],
        let position = places[min(a, b) * table.models.count + max(a, b)]
      else {
        problems.append("line \(row.line): \(nameA) and \(nameB) have no soup")
        continue
      }
      if !seen.insert(position).inserted { problems.append("line \(row.line): \(nameA) and \(nameB) are there twice") }
      for measure in table.measures {
        table.pairs[position].similarities[measure] = file.number(measure, row, &problems)
      }
    }
    guard problems.isEmpty else { throw ReportError(.format, path: path, problems) }
  }
}

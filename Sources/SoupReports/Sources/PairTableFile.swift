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
    let file = try Rows(path, required: [])
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

  private static func landscape(_ file: Rows, _ path: String) throws(ReportError) -> PairTable {
    var problems: [String] = []
    var table = PairTable(models: [], pairs: [])
    var (indices, seen): ([String: Int], Set<[Int]>) = ([:], [])
    func scores(_ row: Rows.Row, _ suffix: String) -> PairTable.Scores {
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

  private static func published(_ file: Rows, _ path: String) throws(ReportError) -> PairTable {
    let missing = ["key_b", "clean_accuracy"].filter { !file.columns.contains($0) }
    guard missing.isEmpty else {
      throw ReportError(.format, path: path, ["has no column \(missing.joined(separator: ", "))"])
    }
    var problems: [String] = []
    var (models, indices): ([PairTable.Model], [String: Int]) = ([], [:])
    // Models first, in the order in which rows name them: pairs may come before their parents.
    var names: [String] = []
    var own: [String: (scores: PairTable.Scores, branch: Int?)] = [:]
    for row in file.rows {
      let (a, b) = (file.text("key_a", row), file.text("key_b", row))
      for (name, column) in [(a, "branch_epoch_a"), (b, "branch_epoch_b")] where indices[name] == nil {
        indices[name] = names.count
        names.append(name)
        models.append(
          PairTable.Model(
            name: name, scores: .init(accuracy: .nan),
            branchEpoch: file.number(column, row, &problems).flatMap { Int(exactly: $0) },
            variant: Self.variant(file, row, column == "branch_epoch_a" ? "_a" : "_b")))
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
      throw ReportError(.format, path: path, problems, advice: "expected one row for each model and each pair")
    }
    guard !pairs.isEmpty else { throw ReportError(.empty, path: path, ["has no pair of models"]) }
    return PairTable(models: models, pairs: pairs)
  }

  private static func variant(_ file: Rows, _ row: Rows.Row, _ suffix: String) -> String? {
    ["model_id", "variant"].map { file.text($0 + suffix, row) }.first { !$0.isEmpty }
  }

  private static func scores(_ file: Rows, _ row: Rows.Row, _ problems: inout [String]) -> PairTable.Scores {
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
    let file = try Rows(path, required: ["key_a", "key_b"])
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

  /// A CSV file as cells.
  private struct Rows {
    struct Row {
      let line: Int
      let cells: [Substring]
    }

    let columns: [String]
    let rows: [Row]
    private let places: [String: Int]

    init(_ path: String, required: [String]) throws(ReportError) {
      let text = try JSONLines.text(path)
      var problems: [String] = []
      var columns: [String] = []
      var rows: [Row] = []
      for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
      where !line.isEmpty {
        let cells = line.split(separator: ",", omittingEmptySubsequences: false)
        if columns.isEmpty {
          columns = cells.map { $0.trimmingPrefix { $0.isWhitespace }.description }
          if columns.first?.first == "\u{FEFF}" { columns[0].removeFirst() }
        } else if cells.count == columns.count {
          rows.append(Row(line: index + 1, cells: cells))
        } else {
          problems.append("line \(index + 1) has \(cells.count) fields, expected \(columns.count)")
        }
      }
      let missing = required.filter { !columns.contains($0) }
      if !missing.isEmpty { problems.insert("has no column \(missing.joined(separator: ", "))", at: 0) }
      if Set(columns).count < columns.count { problems.append("has a column twice") }
      guard problems.isEmpty else { throw ReportError(.format, path: path, problems, advice: "expected CSV") }
      self.columns = columns
      self.rows = rows
      places = Dictionary(columns.enumerated().map { ($1, $0) }) { first, _ in first }
    }

    func text(_ column: String, _ row: Row) -> String { places[column].map { String(row.cells[$0]) } ?? "" }

    /// Nil for an empty field, and for a column that is not there.
    func number(_ column: String, _ row: Row, _ problems: inout [String]) -> Double? {
      guard let place = places[column], !row.cells[place].isEmpty else { return nil }
      if let value = Double(row.cells[place]), value.isFinite { return value }
      problems.append("line \(row.line): \(column) is '\(row.cells[place])', expected a number")
      return nil
    }
  }
}

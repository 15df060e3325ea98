import Foundation

/// What may be told about pairs besides their table: sweeps along alpha, mixtures of three, averages along one run.
public struct PairExtras: Sendable {
  /// A point of a sweep between two models. Accuracies in percent.
  public struct SweepPoint: Sendable, Hashable {
    public var a: String
    public var b: String
    /// Share of the second.
    public var alpha: Double
    public var accuracy: Double
    public var loss: Double?
  }

  /// One run, and how well the model does that was made of it.
  public struct Average: Sendable, Hashable {
    public var run: String
    /// `Baseline`, `EMA`, `SWA`, …
    public var kind: String
    public var accuracy: Double
    public var corruptedAccuracy: Double?
  }

  public var sweeps: [SweepPoint] = []
  /// Records `simplex` and `mark`, by the name of their file.
  public var simplexes = StudyRecords()
  public var averages: [Average] = []

  public init() {}

  /// Adds a ternary grid: what `soup landscape simplex --csv` writes, or columns `w1`, `w2`, `w3`, `accuracy` (percent), `loss`, and
  /// `key_a`, `key_b`, `key_c` with the names of the corners.
  public mutating func read(simplex path: String) throws(ReportError) {
    let table = try Columns(path)
    guard table.has(["w1", "w2", "w3", "accuracy"]) else {
      try simplexes.read(path)
      return
    }
    let name = URL(filePath: path).deletingPathExtension().lastPathComponent
    var corners: [String] = []
    for row in table.rows {
      var record: JSON = [
        "record": "simplex", "name": .string(name), "a": try table.number("w1", row), "b": try table.number("w2", row),
        "c": try table.number("w3", row), "top1": .number((try table.number("accuracy", row).number ?? .nan) / 100),
      ]
      if table.has(["loss"]) { record["loss"] = try table.number("loss", row) }
      simplexes.add([record])
      if corners.isEmpty, table.has(["key_a", "key_b", "key_c"]) {
        corners = ["key_a", "key_b", "key_c"].map { table.text($0, row) }
      }
    }
    for (index, corner) in corners.enumerated() {
      simplexes.add([
        [
          "record": "mark", "name": .string(name), "model": .string(corner), "a": index == 0 ? 1 : 0,
          "b": index == 1 ? 1 : 0, "c": index == 2 ? 1 : 0,
        ]
      ])
    }
  }

  /// Adds sweeps: what `soup landscape pairs --alpha 0,0.1,… --csv` or `soup landscape line --csv` writes, or columns `key_a`, `key_b`, `alpha`,
  /// `accuracy` or `clean_accuracy` (percent), `loss` or `clean_loss`.
  public mutating func read(sweeps path: String) throws(ReportError) {
    let table = try Columns(path)
    let stem = URL(filePath: path).deletingPathExtension().lastPathComponent
    guard table.has(["alpha"]) else {
      throw ReportError(
        .format, path: path, ["has no column alpha"],
        advice: "expected a, b, alpha, top1, as 'soup landscape pairs' writes")
    }
    func first(_ names: [String]) -> String? { names.first { table.has([$0]) } }
    let (a, b) = (first(["a", "key_a", "from"]), first(["b", "key_b", "to"]))
    guard let accuracy = first(["top1", "accuracy", "clean_accuracy"]) else {
      throw ReportError(.format, path: path, ["has no column top1, accuracy or clean_accuracy"])
    }
    let loss = first(["loss", "clean_loss"])
    let factor = accuracy == "top1" ? 100.0 : 1
    var ends: Set<SweepPoint> = []
    for row in table.rows {
      let names = (a.map { table.text($0, row) } ?? stem, b.map { table.text($0, row) } ?? "")
      func point(_ alpha: Double, _ suffix: String) throws(ReportError) -> SweepPoint {
        SweepPoint(
          a: names.0, b: names.1, alpha: alpha,
          accuracy: (try table.number(accuracy + suffix, row).number ?? .nan) * factor,
          loss: try loss.flatMap { name throws(ReportError) in
            table.has([name + suffix]) ? try table.number(name + suffix, row).number : nil
          })
      }
      sweeps.append(try point(try table.number("alpha", row).number ?? .nan, ""))
      // The ends are in every row of a table of pairs.
      if table.has([accuracy + "_a", accuracy + "_b"]) {
        ends.insert(try point(0, "_a"))
        ends.insert(try point(1, "_b"))
      }
    }
    let known = Set(sweeps.map { "\($0.a)\u{1F}\($0.b)\u{1F}\($0.alpha)" })
    sweeps += ends.filter { !known.contains("\($0.a)\u{1F}\($0.b)\u{1F}\($0.alpha)") }
  }

  /// Adds averages along runs: columns `run_id` or `seed`, `model_type`, `clean_acc` and `corrupted_acc` in percent.
  public mutating func read(averages path: String) throws(ReportError) {
    let table = try Columns(path)
    let run = ["run_id", "seed", "run"].first { table.has([$0]) }
    guard let run, table.has(["model_type", "clean_acc"]) else {
      throw ReportError(
        .format, path: path, ["has columns \(table.names.joined(separator: ", "))"],
        advice: "expected run_id or seed, model_type, clean_acc, corrupted_acc")
    }
    for row in table.rows {
      averages.append(
        Average(
          run: table.text(run, row), kind: table.text("model_type", row),
          accuracy: try table.number("clean_acc", row).number ?? .nan,
          corruptedAccuracy: table.has(["corrupted_acc"]) ? try table.number("corrupted_acc", row).number : nil))
    }
  }

  /// A CSV file with a header and without quotes.
  private struct Columns {
    struct Row {
      let line: Int
      let cells: [Substring]
    }

    let path: String
    let names: [String]
    let rows: [Row]
    private let places: [String: Int]

    init(_ path: String) throws(ReportError) {
      self.path = path
      let lines = try JSONLines.text(path).split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        .enumerated()
        .filter { !$0.element.isEmpty && !$0.element.hasPrefix("#") }
      guard let header = lines.first else { throw ReportError(.empty, path: path, ["is empty"]) }
      names = header.element.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      places = Dictionary(names.enumerated().map { ($1, $0) }) { first, _ in first }
      rows = lines.dropFirst().map {
        Row(line: $0.offset + 1, cells: $0.element.split(separator: ",", omittingEmptySubsequences: false))
      }
      let count = names.count
      let problems = rows.filter { $0.cells.count != count }.map {
        "line \($0.line) has \($0.cells.count) fields, expected \(count)"
      }
      guard problems.isEmpty else { throw ReportError(.format, path: path, problems) }
    }

    func has(_ columns: [String]) -> Bool { columns.allSatisfy { places[$0] != nil } }
    func text(_ column: String, _ row: Row) -> String { places[column].map { String(row.cells[$0]) } ?? "" }

    func number(_ column: String, _ row: Row) throws(ReportError) -> JSON {
      guard let value = Double(text(column, row)), value.isFinite else {
        throw ReportError(
          .format, path: path, ["line \(row.line): \(column) is '\(text(column, row))', expected a number"])
      }
      return .number(value)
    }
  }
}

import Foundation

/// What a study exports: JSON objects of several kinds, told apart by `record` (Guides/Studies.md). Kinds and fields that
/// are not known are kept and ignored.
public struct StudyRecords: Sendable {
  private var groups: [String: [JSON]] = [:]

  public init() {}

  /// The records of one kind, in the order of the file.
  public subscript(kind: String) -> [JSON] { groups[kind] ?? [] }

  public var study: JSON? { self["study"].first }
  public var isEmpty: Bool { groups.isEmpty }

  public mutating func add(_ kind: String, _ record: JSON) { groups[kind, default: []].append(record) }

  /// Adds all of another's.
  public mutating func add(_ other: StudyRecords) {
    for (kind, records) in other.groups { groups[kind, default: []] += records }
  }

  public mutating func add(_ records: [JSON]) {
    for record in records { if let kind = record["record"]?.string { add(kind, record) } }
  }

  /// Adds records, each as a line of JSON.
  /// - Throws: `ReportError` naming `source` where a line is no object.
  public mutating func add(lines: [String], of source: String) throws(ReportError) {
    add(try JSONLines.parse(lines.joined(separator: "\n"), path: source))
  }

  /// Reads results of any form that has one, by what is in the file: a study's export; a training log
  /// (`{"event": …}` lines); the trace of a greedy search (`soup season greedy --json`); a landscape as CSV with columns
  /// `alpha` (also of an approximation), or `x` and `y`, or `a`, `b` and `c`, or `a`, `b` and `angle`.
  /// - Throws: `ReportError` naming the file that is none of these.
  public mutating func read(_ path: String) throws(ReportError) {
    let text = try JSONLines.text(path)
    let stem = URL(filePath: path).deletingPathExtension().lastPathComponent
    if path.hasSuffix(".csv") {
      try add(CSVReader.landscape(text, name: stem, path: path))
      return
    }
    let objects = try JSONLines.parse(text, path: path)
    for object in objects {
      if object["record"]?.string != nil {
        add([object])
      } else if object["event"]?.string != nil {
        add("training", object.merging(["model": .string(stem)]))
      } else if let result = object["result"] ?? object["greedy"], result["steps"] != nil {
        add(greedy: result, name: stem)
      } else if object["steps"] != nil, object["ingredients"] != nil {
        add(greedy: object, name: stem)
      } else {
        throw ReportError(
          .format, path: path, ["holds no results that a report knows: no \"record\", \"event\" or \"steps\""],
          advice: "expected what 'soup study export' writes, a training log, a season trace or a landscape")
      }
    }
  }

  private mutating func add(greedy result: JSON, name: String) {
    let metric = result["metric"]?.string ?? "top1"
    func value(_ score: JSON?) -> JSON { score?[metric] ?? score ?? .null }
    func short(_ path: JSON?) -> JSON {
      .string(URL(filePath: path?.string ?? "").deletingPathExtension().lastPathComponent)
    }
    let ingredients = result["ingredients"]?.array ?? []
    let own = Dictionary(ingredients.map { ($0["path"] ?? .null, value($0["score"])) }) { first, _ in first }
    if let first = ingredients.first {
      add(
        "greedy",
        [
          "model": .string(name), "position": 1, "candidate": short(first["path"]), "metric": .string(metric),
          "score": value(first["score"]), "own": value(first["score"]), "accepted": true,
        ])
    }
    for (index, step) in (result["steps"]?.array ?? []).enumerated() {
      add(
        "greedy",
        [
          "model": .string(name), "position": .number(Double(index + 2)), "candidate": short(step["candidate"]),
          "metric": .string(metric), "score": value(step["score"]), "own": own[step["candidate"] ?? .null] ?? .null,
          "accepted": step["accepted"] ?? false, "images": step["images"] ?? .null,
        ])
    }
  }
}

/// Landscapes as CSV: a header, then numbers.
enum CSVReader {
  static func landscape(_ text: String, name: String, path: String) throws(ReportError) -> [JSON] {
    var lines = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("#") }.map(fields)
    guard let header = lines.first else { throw ReportError(.empty, path: path, ["is empty"]) }
    lines.removeFirst()
    let columns = Set(header)
    let kind: String
    if columns.isSuperset(of: ["alpha", "estimate", "difference"]) {
      kind = "approximation"
    } else if columns.contains("alpha") {
      kind = "line"
    } else if columns.isSuperset(of: ["x", "y"]) {
      kind = "plane"
    } else if columns.isSuperset(of: ["a", "b", "c"]) {
      kind = "simplex"
    } else if columns.isSuperset(of: ["a", "b", "angle"]) {
      kind = "angles"
    } else {
      throw ReportError(
        .format, path: path, ["has columns \(header.joined(separator: ", "))"],
        advice: "expected a landscape: alpha, or x and y, or a, b and c, or a, b and angle")
    }
    var problems: [String] = []
    let records = lines.enumerated().map { index, cells -> JSON in
      if cells.count != header.count {
        problems.append("line \(index + 2) has \(cells.count) fields, expected \(header.count)")
      }
      var record: JSON = ["record": .string(kind), "name": .string(name)]
      for (column, cell) in zip(header, cells) where !cell.isEmpty {
        let isName =
          ["model", "from", "to", "set", "split"].contains(column) || (kind == "angles" && ["a", "b"].contains(column))
        record[column] = (isName ? nil : Double(cell)).map { .number($0) } ?? .string(cell)
      }
      // Rows that name a model are the models' own places.
      if kind != "line", let model = record["model"]?.string, !model.isEmpty { record["record"] = "mark" }
      return record
    }
    guard problems.isEmpty else { throw ReportError(.format, path: path, problems) }
    return records
  }

  private static func fields(_ line: Substring) -> [String] {
    var fields: [String] = [""]
    var isQuoted = false
    for character in line {
      switch character {
      case "\"": isQuoted.toggle()
      case "," where !isQuoted: fields.append("")
      default: fields[fields.count - 1].append(character)
      }
    }
    return fields.map { $0.trimmingCharacters(in: .whitespaces) }
  }
}

import Foundation
import SoupCLI

/// The points of a landscape: columns and rows, as they stand in the CSV file and under `points` in the JSON.
struct PointTable: Encodable {
  enum Cell: Encodable, Hashable {
    case number(Double)
    case text(String)

    var number: Double? {
      guard case .number(let value) = self else { return nil }
      return value
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .number(let value): try container.encode(value)
      case .text(let value): try container.encode(value)
      }
    }
  }

  /// Columns that say which point it is come first.
  let columns: [String]
  let keyCount: Int
  private(set) var rows: [[Cell]] = []
  private var positions: [[Cell]: Int] = [:]

  init(keys: [String], values: [String]) {
    columns = keys + values
    keyCount = keys.count
  }

  mutating func add(_ row: [Cell]) {
    precondition(row.count == columns.count, "\(row.count) cells for columns \(columns)")
    positions[Array(row[..<keyCount])] = rows.count
    rows.append(row)
  }

  /// A table of some of the rows.
  func filtered(_ isWanted: ([Cell]) -> Bool) -> PointTable {
    var table = PointTable(keys: Array(columns[..<keyCount]), values: Array(columns[keyCount...]))
    for row in rows where isWanted(row) { table.add(row) }
    return table
  }

  /// The row of a point.
  func row(_ key: [Cell]) -> [Cell]? { positions[key].map { rows[$0] } }

  /// Numbers of one column of a row.
  func number(_ column: String, _ row: [Cell]) -> Double {
    columns.firstIndex(of: column).flatMap { row[$0].number } ?? .nan
  }

  /// One object for each row; absent values are left out.
  func encode(to encoder: any Encoder) throws {
    var list = encoder.unkeyedContainer()
    for row in rows {
      try list.encode(Dictionary(uniqueKeysWithValues: zip(columns, row).filter { $0.1 != .text("") }))
    }
  }

  // MARK: CSV (RFC 4180)

  var header: String { columns.joined(separator: ",") + "\n" }

  static func line(_ row: [Cell]) -> String {
    row.map { cell in
      switch cell {
      case .number(let value): "\(value)"
      case .text(let text):
        // A name such as 7 is quoted too, so that it comes back as a text.
        text.contains { ",\"\n\r".contains($0) } || Double(text) != nil
          ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
      }
    }.joined(separator: ",") + "\n"
  }

  /// Reads a line that `line` wrote; nil if it is something else.
  func row(parsing line: Substring) -> [Cell]? {
    var fields: [String] = [""]
    var texts: Set<Int> = []
    var isQuoted = false
    var characters = line.makeIterator()
    var pending = characters.next()
    while let character = pending {
      pending = characters.next()
      switch (character, isQuoted) {
      case ("\"", true) where pending == "\"":
        fields[fields.count - 1].append("\"")
        pending = characters.next()
      case ("\"", _):
        isQuoted.toggle()
        texts.insert(fields.count - 1)
      case (",", false): fields.append("")
      default: fields[fields.count - 1].append(character)
      }
    }
    guard fields.count == columns.count, !isQuoted else { return nil }
    return fields.enumerated().map { index, field in
      texts.contains(index) ? .text(field) : Double(field).map(Cell.number) ?? .text(field)
    }
  }
}

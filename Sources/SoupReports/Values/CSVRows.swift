/// A CSV file with a header, as cells with their lines (RFC 4180: quoted cells may hold commas and doubled quotes).
struct CSVRows {
  struct Row {
    let line: Int
    let cells: [String]
  }

  let columns: [String]
  let rows: [Row]
  private let places: [String: Int]

  /// - Throws: `ReportError` with every problem and its line: columns that are missing, twice or without a name, rows of another
  ///   length, quotes that do not end.
  init(_ path: String, required: [String]) throws(ReportError) {
    let text = try JSONLines.text(path)
    var problems: [String] = []
    var columns: [String] = []
    var rows: [Row] = []
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
    where !line.isEmpty {
      guard let cells = Self.cells(line) else {
        problems.append("line \(index + 1) has a quote that does not end")
        continue
      }
      if columns.isEmpty {
        columns = cells.map { $0.drop(while: \.isWhitespace).description }
        if columns.first?.first == "\u{FEFF}" { columns[0].removeFirst() }
      } else if cells.count == columns.count {
        rows.append(Row(line: index + 1, cells: cells))
      } else {
        problems.append("line \(index + 1) has \(cells.count) fields, expected \(columns.count)")
      }
    }
    let missing = required.filter { !columns.contains($0) }
    if !missing.isEmpty { problems.insert("has no column \(missing.joined(separator: ", "))", at: 0) }
    let twice = Dictionary(grouping: columns) { $0 }.filter { $0.value.count > 1 }.keys.sorted()
    for name in twice {
      problems.append(name.isEmpty ? "line 1: several columns have no name" : "line 1: column \(name) is there twice")
    }
    guard problems.isEmpty else { throw ReportError(.format, path: path, problems, advice: "expected CSV") }
    self.columns = columns
    self.rows = rows
    places = Dictionary(columns.enumerated().map { ($1, $0) }) { first, _ in first }
  }

  /// Empty for a column that is not there.
  func text(_ column: String, _ row: Row) -> String { places[column].map { row.cells[$0] } ?? "" }

  /// Nil for an empty field, and for a column that is not there.
  func number(_ column: String, _ row: Row, _ problems: inout [String]) -> Double? {
    guard let place = places[column], !row.cells[place].isEmpty else { return nil }
    if let value = Double(row.cells[place]), value.isFinite { return value }
    problems.append("line \(row.line): \(column) is '\(row.cells[place])', expected a number")
    return nil
  }

  private static func cells(_ line: Substring) -> [String]? {
    guard line.utf8.contains(UInt8(ascii: "\"")) else {
      return line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    var cells = [""]
    var isQuoted = false
    var characters = line.makeIterator()
    var next = characters.next()
    while let character = next {
      next = characters.next()
      switch (character, isQuoted) {
      case ("\"", true) where next == "\"":
        cells[cells.count - 1].append("\"")
        next = characters.next()
      case ("\"", _): isQuoted.toggle()
      case (",", false): cells.append("")
      default: cells[cells.count - 1].append(character)
      }
    }
    return isQuoted ? nil : cells
  }
}

/// The numbers behind a figure or a table: named columns, one row an observation.
public struct DataTable: Sendable, Hashable {
  /// Names usable in Vega-Lite without quoting: see `init`.
  public let columns: [String]
  public private(set) var rows: [[JSON]] = []

  /// - Parameter columns: characters that Vega would read as a path (`.`, `[`, `]`, quotes, backslashes) become `_`, and
  ///   a name that is then taken gets a number.
  public init(_ columns: [String]) {
    var taken: Set<String> = []
    self.columns = columns.map { column in
      let base = Self.fieldName(column)
      var name = base
      var number = 2
      while !taken.insert(name).inserted {
        name = "\(base)_\(number)"
        number += 1
      }
      return name
    }
  }

  public static func fieldName(_ text: String) -> String {
    String(text.map { ".[]\\'\"".contains($0) || $0.isNewline ? "_" : $0 })
  }

  /// Appends a row; missing cells are null, cells beyond the last column are dropped.
  public mutating func add(_ cells: [JSON]) {
    rows.append(
      Array(cells.prefix(columns.count)) + Array(repeating: .null, count: max(0, columns.count - cells.count)))
  }

  /// The rows as Vega-Lite's inline `values`; nulls are left out.
  public var values: JSON {
    .array(
      rows.map { row in
        .object(Dictionary(zip(columns, row).filter { !$0.1.isNull }) { first, _ in first })
      })
  }

  /// RFC 4180 with a header; lines end in CR LF, null is an empty field.
  public var csv: String {
    ([columns] + rows.map { $0.map(Self.cell) }).map { $0.map(Self.quoted).joined(separator: ",") + "\r\n" }.joined()
  }

  private static func cell(_ value: JSON) -> String {
    switch value {
    case .null: ""
    case .string(let text): text
    default: value.text
    }
  }

  private static func quoted(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { ",\"\r\n".unicodeScalars.contains($0) }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}

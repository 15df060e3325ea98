/// A table of text with aligned columns, drawn without lines.
///
/// ```
/// name          dtype     shape          bytes
/// conv1.weight  float32   16 x 1 x 3 x 3  576 B
/// ```
public struct Table: Sendable {
  public enum Alignment: Sendable { case left, right }

  public struct Column: Sendable {
    public let title: String
    public let alignment: Alignment

    public init(_ title: String, _ alignment: Alignment = .left) {
      self.title = title
      self.alignment = alignment
    }
  }

  public let columns: [Column]
  private var rows: [Row] = []

  private enum Row: Sendable {
    case cells([String], bold: Bool)
    case rule
  }

  public init(_ columns: [Column]) { self.columns = columns }

  /// Appends a row; missing cells are empty, cells beyond the last column are dropped.
  public mutating func add(_ cells: [String], bold: Bool = false) { rows.append(.cells(cells, bold: bold)) }

  /// Appends a horizontal rule, for totals or groups.
  public mutating func addRule() { rows.append(.rule) }

  public var isEmpty: Bool { rows.isEmpty }

  /// The table as lines without a final newline.
  public func rendered(styles: Bool = false) -> String {
    var widths = columns.map { displayWidth($0.title) }
    for case .cells(let cells, _) in rows {
      for (index, cell) in cells.prefix(widths.count).enumerated() {
        widths[index] = max(widths[index], displayWidth(cell))
      }
    }
    let total = widths.reduce(0, +) + 2 * max(0, widths.count - 1)
    let head = line(columns.map(\.title), widths)
    var lines = [styles ? "\u{1B}[1m\(head)\u{1B}[0m" : head]
    for row in rows {
      switch row {
      case .cells(let cells, let bold):
        let text = line(cells, widths)
        lines.append(bold && styles ? "\u{1B}[1m\(text)\u{1B}[0m" : text)
      case .rule:
        lines.append(String(repeating: "─", count: total))
      }
    }
    return lines.joined(separator: "\n")
  }

  private func line(_ cells: [String], _ widths: [Int]) -> String {
    var text = ""
    for (index, column) in columns.enumerated() {
      let cell = index < cells.count ? cells[index] : ""
      let space = String(repeating: " ", count: max(0, widths[index] - displayWidth(cell)))
      if index > 0 { text += "  " }
      text += column.alignment == .left ? cell + space : space + cell
    }
    while text.last == " " { text.removeLast() }
    return text
  }
}

/// Columns that a text takes on a terminal: 2 for East Asian wide characters and emoji, 0 for control characters.
///
/// Good enough for parameter and file names; it does not shape scripts.
public func displayWidth(_ text: String) -> Int {
  text.reduce(0) { width, character in
    guard let first = character.unicodeScalars.first else { return width }
    switch first.properties.generalCategory {
    case .control, .format, .nonspacingMark, .enclosingMark: return width
    default: break
    }
    let isEmoji = first.properties.isEmojiPresentation || character.unicodeScalars.contains("\u{FE0F}")
    switch first.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
      0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE4F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD:
      return width + 2
    default:
      return width + (isEmoji ? 2 : 1)
    }
  }
}

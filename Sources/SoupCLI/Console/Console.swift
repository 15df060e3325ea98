#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Where a command's words go: results to standard output, everything else to standard error.
///
/// With `--json`, standard output carries JSON values only, one a line, and standard error JSON events
/// (`{"event":"warning",…}`, `{"event":"progress",…}`), so that both can be read by programs.
public struct Console: Sendable {
  public enum Style: Sendable { case text, json }

  public let style: Style
  /// No progress and no notes; warnings, errors and results are still printed.
  public let isQuiet: Bool
  public let output: TextStream
  public let errors: TextStream

  public init(
    style: Style = .text, isQuiet: Bool = false, output: TextStream = .standardOutput,
    errors: TextStream = .standardError
  ) {
    self.style = style
    self.isQuiet = isQuiet
    self.output = output
    self.errors = errors
  }

  public var isJSON: Bool { style == .json }

  /// Prints a line of the result. Under `--json` use `emit`.
  public func print(_ text: String = "") { output.print(text) }

  /// Prints a table of the result.
  public func print(_ table: Table) { output.print(table.rendered(styles: output.hasStyles)) }

  /// Prints a value of the result as one line of JSON (keys sorted), whatever the style.
  public func emit(_ value: some Encodable) throws { output.print(try Self.json(value)) }

  /// Tells the reader something on standard error; silent when quiet.
  public func note(_ text: String) {
    guard !isQuiet else { return }
    if isJSON { event("note", ["message": .text(text)]) } else { errors.print(text) }
  }

  /// Something is likely wrong, but the command goes on.
  public func warn(_ text: String) {
    if isJSON {
      event("warning", ["message": .text(text)])
    } else {
      errors.print("\(styled("soup: warning:", "33;1")) \(text)")
    }
  }

  /// The command failed.
  public func fail(_ text: String) {
    if isJSON {
      event("error", ["message": .text(text)])
    } else {
      errors.print("\(styled("soup: error:", "31;1")) \(text)")
    }
  }

  /// Shows how far long work has come: a bar on a terminal, a line now and then elsewhere, events under `--json`.
  public func progress(_ label: String, total: Int? = nil, unit: ProgressBar.Unit) -> ProgressBar {
    ProgressBar(console: self, label: label, total: total, unit: unit)
  }

  /// A value as one line of JSON with sorted keys; non-finite numbers become `"nan"`, `"inf"`, `"-inf"`.
  public static func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// Writes one JSON event to standard error.
  func event(_ name: String, _ fields: [String: EventValue]) {
    var fields = fields
    fields["event"] = .text(name)
    if let line = try? Self.json(fields) { errors.print(line) }
  }

  private func styled(_ text: String, _ code: String) -> String {
    errors.hasStyles ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}

/// A value in an event on standard error.
enum EventValue: Encodable {
  case text(String)
  case integer(Int)
  case number(Double)

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .text(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    }
  }
}

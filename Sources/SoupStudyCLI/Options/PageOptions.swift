import ArgumentParser
import Foundation
import SoupCLI
import SoupReports
import SoupTensors

/// Where a report goes.
struct PageOptions: ParsableArguments {
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("Write a self-contained HTML page here.", valueName: "page"))
  var path: String?

  @Option(
    help: ArgumentHelp(
      "Where to put every figure as SVG, PNG, PDF and CSV; by default <page>-figures, beside the page.",
      valueName: "folder"))
  var figures: String?

  @Flag(help: "Write the page only.") var noFigures = false

  func validate() throws {
    if noFigures, figures != nil { throw ValidationError("--figures and --no-figures exclude each other.") }
  }

  /// Adds how the report was made, and writes it.
  func write(_ report: inout Report, to path: String, _ console: Console) throws -> ReportWriter.Outcome {
    report.commands.append("soup " + CommandLine.arguments.dropFirst().map(Self.quoted).joined(separator: " "))
    report.provenance.append(("soup", SoupVersion.current))
    report.provenance.append(("Written", Date.now.formatted(.iso8601)))
    let stem = path.hasSuffix(".html") ? String(path.dropLast(5)) : path
    let converter = VegaConverter.find(from: [(try? SiblingProgram.ownPath()) ?? ".", "."])
    return try ReportWriter(converter: converter).write(
      report, to: path, figuresIn: noFigures ? nil : figures ?? stem + "-figures")
  }

  func tell(_ outcome: ReportWriter.Outcome?, _ console: Console) {
    guard let outcome else { return }
    console.print(
      "\(outcome.page): \(outcome.figures) figure\(outcome.figures == 1 ? "" : "s"), \(Format.bytes(outcome.bytes))"
        + (outcome.folder.map { "; also in \($0)/" } ?? ""))
    if let reason = outcome.withoutFigures { console.warn(reason) }
  }

  private static func quoted(_ argument: String) -> String {
    let plain = argument.allSatisfy { $0.isLetter || $0.isNumber || "-_./=,:+@%".contains($0) }
    return plain && !argument.isEmpty ? argument : "'" + argument.replacing("'", with: "'\\''") + "'"
  }
}

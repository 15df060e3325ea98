import ArgumentParser
import Foundation
import SoupCLI
import SoupStudies
import SoupTensors

/// `soup study export`
struct StudyExportCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a study's results as JSON lines or CSV.",
    usage: "soup study export <study.yaml> [-o <file>] [--format <name>] [--record <kind>]",
    discussion: """
      EXAMPLES
        soup study export sweep.yaml -o results.jsonl
            everything: models, scores, training curves, runs; see Guides/Studies.md
        soup study export sweep.yaml --format csv -o models.csv
            one row for each model: hyperparameters, accuracies with intervals, losses,
            the difference to the best single model with its interval and p
        soup study export sweep.yaml --format csv --record training
            all records of one kind

      Without -o it goes to standard output. May be called while the study runs.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case jsonl, csv }

  @OptionGroup var study: StudyLocation

  @Option(help: ArgumentHelp("jsonl or csv. (default: by the output's name, else jsonl)", valueName: "name"))
  var format: Format?

  @Option(
    help: ArgumentHelp(
      "Only records of this kind: run, model, score, corruption, shift-mean, contrast, pair, training, greedy, coefficient, line, barrier, plane, simplex, mark, angles, approximation, result.",
      valueName: "kind"))
  var record: String?

  @Option(name: [.customShort("o"), .customLong("output")], help: ArgumentHelp("Where to write.", valueName: "file"))
  var outputPath: String?

  @OptionGroup var output: OutputOptions

  func run(_ console: Console) throws {
    let study = try self.study.open(.read)
    let export = StudyExport(study, version: SoupVersion.current)
    let format = format ?? (outputPath?.hasSuffix(".csv") == true ? .csv : .jsonl)
    let text: String
    if format == .csv {
      text = record.map { StudyExport.csv(export.records(), of: $0) } ?? export.modelTable()
    } else {
      let records = export.records().filter { record == nil || $0["record"] == .text(record!) }
      text = records.map { JSONValue.object($0).line + "\n" }.joined()
    }
    if let outputPath {
      try Data(text.utf8).write(to: URL(fileURLWithPath: outputPath), options: .atomic)
      console.note("\(outputPath): \(text.split(whereSeparator: \.isNewline).count) lines")
    } else {
      console.print(
        String(text.hasSuffix("\r\n") ? text.dropLast(1) : text.hasSuffix("\n") ? text.dropLast() : text[...]))
    }
  }
}

import ArgumentParser
import SoupCLI
import SoupReports

/// `soup report`: results as a page.
struct ReportCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Make one HTML page of a study's results: table, figures, how it was run.",
    usage: "soup report <results> ... -o <page> [--title <text>] [<options>]",
    discussion: """
      Reads what 'soup study export' writes. Training logs (.jsonl), traces of greedy searches ('soup season greedy \
      --json') and landscapes (.csv) add their figures. The page is one file that opens offline, light and dark; pointing \
      at a mark names the model. Every figure is also written as SVG, PNG and PDF, and its data as CSV. A figure \
      without data is left out, and the page says so at its end.

      EXAMPLES
        soup study export study.yaml -o results.jsonl
        soup report results.jsonl -o report.html
        soup report results.jsonl plane.csv line.csv -o report.html
        soup report runs/*.jsonl greedy.json --title "Two runs" -o report.html
      """)

  @Argument(help: ArgumentHelp("Results: a study's export, logs, traces, landscapes.", valueName: "results"))
  var results: [String]

  @Option(help: ArgumentHelp("The page's title; by default the study's name.", valueName: "text"))
  var title: String?

  @OptionGroup var page: PageOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if page.path == nil { throw ValidationError("name the page to write: -o report.html") }
  }

  func run(_ console: Console) throws {
    var records = StudyRecords()
    for path in results { try records.read(path) }
    var report = try StudyReport.report(records, title: title, sources: results)
    let outcome = try page.write(&report, to: page.path ?? "report.html", console)
    if console.isJSON {
      try console.emit(outcome)
    } else {
      page.tell(outcome, console)
    }
  }
}

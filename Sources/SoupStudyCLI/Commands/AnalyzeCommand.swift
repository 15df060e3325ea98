import ArgumentParser
import SoupCLI
import SoupReports
import SoupTensors

/// `soup analyze`: published result tables.
struct AnalyzeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "analyze",
    abstract: "Recompute the conclusions of published result tables.",
    subcommands: [AnalyzeModelSoupsCommand.self, AnalyzePairsCommand.self, AnalyzeSimilaritiesCommand.self])
}

/// `soup analyze model-soups`
struct AnalyzeModelSoupsCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "model-soups",
    abstract: "Best single model, soups and ensemble from the tables of Model soups (2022).",
    usage: "soup analyze model-soups <file> ... [-o <page>] [<options>]",
    discussion: """
      Reads JSON lines with a model_name and a fraction right for every set of images, as in the paper's repository \
      (mlfoundations/model-soups). ImageNet2p is the held-out part that chooses the best model, ImageNet the test set, \
      every other set a distribution shift; names with "soup" or "ensemble" are mixtures, model_0 is the \
      initialisation. With -o, also writes a page with the paper's figure that opens offline.

      EXAMPLES
        soup analyze model-soups individual_model_results.jsonl
        soup analyze model-soups *_results.jsonl -o report.html
        soup analyze model-soups *_results.jsonl -o report.html \\
          --hyperparameters hparam_info.json
        soup analyze model-soups *_results.jsonl --json | jq '.rows[].mean_shift'
      """)

  @Argument(help: ArgumentHelp("Result tables, JSON lines.", valueName: "file"))
  var files: [String]

  @Option(help: ArgumentHelp("Hyperparameters: one JSON object, by model name.", valueName: "file"))
  var hyperparameters: String?

  @OptionGroup var page: PageOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if page.path == nil, page.figures != nil || page.noFigures {
      throw ValidationError("--figures needs --output.")
    }
  }

  func run(_ console: Console) throws {
    let table = try PublishedTable.read(files, hyperparameters: hyperparameters)
    let headline = HeadlineTable(table)
    let written = try page.path.map { path in
      var report = ModelSoupsReport.report(
        table, title: "Model soups, recomputed", sources: files + (hyperparameters.map { [$0] } ?? []))
      return try page.write(&report, to: path, console)
    }
    if console.isJSON {
      try console.emit(Summary(rows: headline.rows, singleModels: table.singles.count, report: written))
      return
    }
    var text = Table([.init("model")] + headline.reportTable.columns.dropFirst().map { .init($0, .right) })
    for (row, model) in zip(headline.reportTable.rows, table.headline) {
      text.add(
        [row.name + (model.kind == .ingredient || model.kind == .base ? " (\(model.name))" : "")]
          + row.cells.map(\.text))
    }
    console.print(text)
    if written != nil { console.print() }
    page.tell(written, console)
  }

  private struct Summary: Encodable {
    let rows: [HeadlineTable.Row]
    let singleModels: Int
    let report: ReportWriter.Outcome?

    private enum CodingKeys: String, CodingKey {
      case rows, report
      case singleModels = "single_models"
    }
  }
}

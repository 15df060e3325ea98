import ArgumentParser
import SoupCLI
import SoupReports

/// `soup report`: results as a page.
struct ReportCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Make one HTML page of a study's results: table, figures, how it was run.",
    usage: "soup report <results> ... [-o <page>] [--title <text>] [<options>]",
    discussion: """
      Takes a study, by its YAML file or its folder, also while it runs; or files: what \
      'soup study export' writes, training logs (.jsonl), traces of greedy searches \
      ('soup season greedy --json'), landscapes (.csv). The page is one file that opens \
      offline, light and dark; pointing at a mark names the model. Every figure is also \
      written as SVG, PNG and PDF, and its data as CSV. A figure without data is left out, \
      and the page says so at its end. Several studies are one under several seeds: \
      recipes of soups (names RECIPE-greedy, RECIPE-uniform, …) and contrasts are \
      averaged over them, with intervals over seeds.

      EXAMPLES
        soup report Studies/demo.yaml
            runs/demo/report.html
        soup report runs/demo -o report.html
        soup report study.yaml plane.csv line.csv -o report.html
        soup report study.yaml --seed 0 --seed 1 --seed 2 -o report.html
        soup report runs/self-seed-0 runs/self-seed-1 -o report.html
        soup report runs/*.jsonl greedy.json --title "Two runs" -o report.html
      """)

  @Argument(help: ArgumentHelp("A study, or results: an export, logs, traces, landscapes.", valueName: "results"))
  var results: [String]

  @Option(
    help: ArgumentHelp(
      "Where the study of a YAML file is kept. (default: runs/ and the study's name)", valueName: "folder"))
  var folder: String?

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "The study under this seed, as 'soup study run --seed' keeps it; several times for several seeds.",
      valueName: "n"))
  var seed: [UInt64] = []

  @Option(help: ArgumentHelp("The page's title; by default the study's name.", valueName: "text"))
  var title: String?

  @OptionGroup var page: PageOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if !seed.isEmpty, !results.contains(where: ReportInput.isStudyFile) {
      throw ValidationError("--seed is for a study's YAML file; a folder is of one seed")
    }
    if folder != nil, seed.count > 1 { throw ValidationError("--folder is one study's, --seed names \(seed.count)") }
    if Set(seed).count < seed.count { throw ValidationError("--seed names one seed twice") }
  }

  func run(_ console: Console) throws {
    let inputs = try results.flatMap { path -> [ReportInput] in
      guard !seed.isEmpty, ReportInput.isStudyFile(path) else { return [try ReportInput(path, folder: folder)] }
      return try seed.map { try ReportInput(path, folder: folder, seed: $0) }
    }
    guard let path = page.path ?? inputs.lazy.compactMap(\.studyFolder).first.map({ $0 + "/report.html" }) else {
      throw ValidationError("name the page to write: -o report.html")
    }
    var records = StudyRecords()
    var others: [StudyRecords] = []
    for input in inputs {
      var own = StudyRecords()
      try input.read(into: &own, console)
      // A second study is another seed; files of results belong to the first.
      if own.study != nil, records.study != nil { others.append(own) } else { records.add(own) }
    }
    var report = try StudyReport.report(records, others: others, title: title, sources: results)
    let outcome = try page.write(&report, to: path, console)
    if console.isJSON {
      try console.emit(outcome)
    } else {
      page.tell(outcome, console)
    }
  }
}

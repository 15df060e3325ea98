import ArgumentParser
import SoupCLI
import SoupReports

/// `soup analyze similarities`: a page of a table of similarities; `soup compare --html` ends here.
struct AnalyzeSimilaritiesCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "similarities",
    abstract: "Clustered heat maps of how alike models are, from what 'soup compare --csv' writes.",
    usage: "soup analyze similarities <file> -o <page> [<options>]",
    discussion: """
      EXAMPLES
        soup compare runs/ --csv alike.csv && soup analyze similarities alike.csv -o alike.html
      """)

  @Argument(help: ArgumentHelp("Similarities, CSV with key_a, key_b and measures.", valueName: "file")) var file: String
  @OptionGroup var page: PageOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if page.path == nil { throw ValidationError("Name the page to write with --output.") }
  }

  func run(_ console: Console) throws {
    var report = SimilarityReport.report(try SimilarityReport.read(file), source: file)
    let written = try page.write(&report, to: page.path!, console)
    if console.isJSON { try console.emit(written) } else if !output.quiet { page.tell(written, console) }
  }
}

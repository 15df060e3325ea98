import ArgumentParser
import SoupCLI
import SoupStudies

/// `soup study status`
struct StudyStatusCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "How far a study has come, and what it has found.",
    usage: "soup study status <study.yaml> [--runs | --commands] [<options>]",
    discussion: """
      EXAMPLES
        soup study status Studies/model-soups-small.yaml
        soup study status sweep.yaml --runs
            every run with its state and time
        soup study status sweep.yaml --commands
            every run's command line, to be run by hand or read
        soup study status sweep.yaml --json | jq .runs

      Works while the study runs, also from another machine that sees its folder.
      """)

  @OptionGroup var study: StudyLocation
  @Flag(help: "List every run.") var runs = false
  @Flag(help: "Print every run's command line.") var commands = false
  @OptionGroup var output: OutputOptions

  func run(_ console: Console) throws {
    let study = try self.study.open(.read)
    let text = StudyText(study)
    if commands { return try text.printCommands(console, all: true) }
    if console.isJSON { return try text.printStatus(console) }
    if runs { text.printRuns(console) }
    try text.printResults(console)
    try text.printStatus(console)
  }
}

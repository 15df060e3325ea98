import ArgumentParser
import SoupCLI
import SoupStudies

/// `soup study job`: what a worker, an sbatch script and a person call for one run.
struct StudyJobCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "job",
    abstract: "Do one run of a study, from its folder.",
    discussion: """
      EXAMPLES
        soup study job runs/sweep/runs/ingredient-03-1f0c9a77d2

      Workers and Slurm scripts call it; call it yourself to do a run by hand. It writes result.json into the folder, \
      which the study collects. A run that is done is not done again.
      """)

  @Argument(help: ArgumentHelp("The run's folder.", valueName: "folder")) var folder: String
  @Option(help: ArgumentHelp("Passed on to the command.", valueName: "n")) var threads: Int?
  @OptionGroup var output: OutputOptions

  func run(_ console: Console) throws {
    StopRequest.install()
    switch try Job(folder: folder, threads: threads).run() {
    case .already: console.note("\(folder): done already")
    case .done: console.note("\(folder): done")
    case .stopped: throw ExitCode(StopRequest.exitCode)
    case .failed(let error):
      console.fail("\(folder): \(error)")
      throw ExitCode(1)
    }
  }
}

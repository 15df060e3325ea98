import ArgumentParser
import Foundation
import SoupCLI
import SoupStudies

/// `soup study run`
struct StudyRunCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run everything of a study that is not done.",
    usage: "soup study run <study.yaml> [--workers <n> | --slurm] [--dry-run] [<options>]",
    discussion: """
      EXAMPLES
        soup study run Studies/model-soups-small.yaml
        soup study run sweep.yaml --dry-run
            print the commands that would be run, and run none
        soup study run sweep.yaml --workers 4
            four runs at a time, each with a quarter of the cores
        soup study run sweep.yaml --slurm
            as job arrays on a cluster; the sbatch scripts are in the study's folder

      Stop it with Ctrl-C, or kill it: run it again, and it goes on. A run that fails is tried again, as often as \
      'retries' in the file says (2).
      """)

  @OptionGroup var study: StudyLocation
  @OptionGroup var execution: ExecutionOptions

  @Flag(help: "Print the commands of all runs that are not done, in order, and run none.")
  var dryRun = false

  @OptionGroup var output: OutputOptions

  func run(_ console: Console) throws {
    let study = try self.study.open(dryRun ? .preview : .write)
    if self.study.program == nil { try study.checkCommands(under: Program.readsArgumentsOnly) }
    if dryRun { return try StudyText(study).printCommands(console) }
    try execution.run(study, console)
  }
}

/// `soup study resume`
struct StudyResumeCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume",
    abstract: "Go on with a study that was stopped, killed, or had failures.",
    usage: "soup study resume <study.yaml> [--workers <n> | --slurm] [<options>]",
    discussion: """
      EXAMPLES
        soup study resume Studies/model-soups-small.yaml

      As 'soup study run', the way it was run last (--slurm, --workers), for a study that was begun.
      """)

  @OptionGroup var study: StudyLocation
  @OptionGroup var execution: ExecutionOptions
  @OptionGroup var output: OutputOptions

  func run(_ console: Console) throws {
    // Asked first: opening to write would begin it.
    _ = try self.study.open(.read)
    try execution.run(try self.study.open(.write), remembered: true, console)
  }
}

/// Where and how runs are executed.
struct ExecutionOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Runs at a time on this machine. (default: one for each core, at most 8)", valueName: "n"))
  var workers: Int?

  @Option(help: ArgumentHelp("Cores to divide among the runs. (default: all)", valueName: "n"))
  var cores: Int?

  @Flag(help: "Run on a Slurm cluster, as job arrays.")
  var slurm = false

  @Flag(help: "With --slurm: hand the jobs in and leave; 'soup study resume' collects and retries.")
  var noWait = false

  @Option(help: .hidden) var poll = 5.0

  func validate() throws {
    if let workers, workers < 1 { throw ValidationError("--workers must be at least 1, found \(workers)") }
    if let cores, cores < 1 { throw ValidationError("--cores must be at least 1, found \(cores)") }
    if slurm, workers != nil || cores != nil {
      throw ValidationError("--workers and --cores are for this machine; on a cluster Slurm decides")
    }
    if noWait, !slurm { throw ValidationError("--no-wait goes with --slurm") }
  }

  func run(_ study: Study, remembered: Bool = false, _ console: Console) throws {
    var (workers, cores, slurm) = (workers, cores, slurm)
    if remembered, workers == nil, cores == nil, !slurm {
      slurm = study.store[setting: "runner"] == "slurm"
      workers = study.store[setting: "workers"].flatMap { Int($0) }
      cores = study.store[setting: "cores"].flatMap { Int($0) }
    }
    study.store[setting: "runner"] = slurm ? "slurm" : "local"
    study.store[setting: "workers"] = workers.map(String.init) ?? ""
    study.store[setting: "cores"] = cores.map(String.init) ?? ""
    StopRequest.install()
    let bar = console.progress(study.file.name, total: study.graph.runs.count, unit: .items("runs"))
    let show: (StudyProgress) throws -> Void = { progress in report(progress, bar, console) }
    let outcome =
      slurm
      ? try SlurmRunner(study, program: SiblingProgram.ownPath(), waits: !noWait, interval: poll).run(progress: show)
      : try LocalRunner(study, workers: workers, cores: cores, job: [SiblingProgram.ownPath(), "study", "job"]).run(
        progress: show)
    bar.finish()
    try StudyText(study).printResults(console)
    switch outcome {
    case .complete: break
    case .submitted:
      console.note("handed to Slurm; 'soup study resume' collects the results and tries failed runs again")
    case .stopped:
      console.note("stopped; everything finished is kept. Go on with 'soup study resume'")
      throw ExitCode(StopRequest.exitCode)
    case .failed(let names):
      let blocked = study.counts[.blocked] ?? 0
      for name in names {
        let run = study.runs[name]!
        let detail = (run.error ?? "").replacingOccurrences(of: "\n", with: "\n    ")
        console.fail("\(name) failed: \(detail)\n    log: \(study.runFolder(run)["log"])")
      }
      console.note(
        "\(names.count) of \(study.graph.runs.count) runs failed"
          + (blocked > 0 ? ", and \(blocked) that need them were not started" : "")
          + ". 'soup study resume' tries them again")
      throw ExitCode(1)
    }
  }

  private func report(_ progress: StudyProgress, _ bar: ProgressBar, _ console: Console) {
    switch progress.event {
    case .finished(let name, let seconds): console.note("\(name): done in \(Format.duration(seconds))")
    case .failed(let name, let error, let retry):
      console.warn("\(name): \(retry ? "failed, is tried again" : "failed"): \(error)")
    case .submitted(let job, let runs, let script):
      console.note("job \(job): \(runs) run\(runs == 1 ? "" : "s"), \(script)")
    case .started, .waiting: break
    }
    let running = progress.running.prefix(3).joined(separator: ", ") + (progress.running.count > 3 ? ", …" : "")
    bar.update(completed: progress.done, message: running, secondsLeft: progress.secondsLeft)
  }
}

import ArgumentParser
import SoupTensors

/// The root of `soup-study`, which `soup` becomes for `soup data`, `soup study`, `soup report` and `soup analyze`.
public struct SoupStudyCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "soup",
    abstract: "Run a whole sweep from one file, here or on a cluster.",
    version: SoupVersion.current,
    subcommands: [DataCommand.self, StudyCommand.self, ReportCommand.self, AnalyzeCommand.self])

  public init() {}
}

/// `soup study`
struct StudyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "study",
    abstract: "Run a whole sweep from one file, here or on a cluster.",
    discussion: """
      A study is a YAML file: a base, a space of hyperparameters, the soups to make and where to score them. It \
      expands to runs, each of them a plain soup command. What is done is never done again: a changed line redoes \
      only what depends on it, and a study may be stopped or killed at any moment. See Guides/Studies.md.
      """,
    subcommands: [
      StudyRunCommand.self, StudyStatusCommand.self, StudyResumeCommand.self, StudyExportCommand.self,
      StudyJobCommand.self, StudySelectCommand.self, StudyJoinCommand.self,
    ])
}

import ArgumentParser

/// `soup season`
struct SeasonCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "season",
    abstract: "Search which ingredients to mix, and how much of each.",
    subcommands: [
      GreedyCommand.self, LearnedCommand.self, LayerwiseCommand.self, SampledCommand.self, PairCommand.self,
      SelfCommand.self,
    ])
}

import ArgumentParser

/// `soup landscape`
struct LandscapeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "landscape",
    abstract: "Loss and error between and around models: lines, planes, flatness, angles.",
    subcommands: [
      LineCommand.self, PlaneCommand.self, SimplexCommand.self, FlatnessCommand.self, PairsCommand.self,
      AnglesCommand.self, ApproximationCommand.self,
    ])
}

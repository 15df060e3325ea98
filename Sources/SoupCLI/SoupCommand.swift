import ArgumentParser
import SoupTensors

/// The root of the command line, without LibTorch.
public struct SoupCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "soup",
    abstract: "Mix the weights of several checkpoints into one better model.",
    version: SoupVersion.current,
    subcommands: [
      InspectCommand.self, CheckCommand.self, DiffCommand.self, CompareCommand.self, ConvertCommand.self,
      MixCommand.self, AlignCommand.self,
      VerifyCommand.self, ReplayCommand.self, DataCommand.self, TrainCommand.self,
      ProbeCommand.self, EvaluateCommand.self, SeasonCommand.self, TasteCommand.self, LandscapeCommand.self,
      StudyCommand.self, ReportCommand.self, AnalyzeCommand.self,
    ])

  public init() {}
}

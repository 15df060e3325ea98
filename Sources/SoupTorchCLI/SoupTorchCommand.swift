import ArgumentParser
import SoupTensors
import SoupTorch

/// The root of the commands that need LibTorch; `soup` replaces itself by this program for them.
public struct SoupTorchCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "soup",
    abstract: "Train, evaluate and season with LibTorch.",
    version: "\(SoupVersion.current) (LibTorch \(Torch.version))",
    subcommands: [
      TrainCommand.self, ProbeCommand.self, EvaluateCommand.self, SeasonCommand.self, TasteCommand.self,
      LandscapeCommand.self, CompareDataCommand.self,
    ])

  public init() {}
}

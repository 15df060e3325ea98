import ArgumentParser
import SoupCheckpoints

/// How the tensors of a folder are divided into files.
struct ShardOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp("Largest file of a folder: 5GB (the default), 500MB, 2GiB.", valueName: "size"))
  var shardSize: ByteCount?

  @Option(
    name: .long,
    help: ArgumentHelp("safetensors or pytorch, whatever the output's name says.", valueName: "format"))
  var format: CheckpointWriter.Format?

  func destination(_ path: String) throws -> CheckpointDestination {
    try CheckpointDestination(path, format: format, shardSize: shardSize?.bytes)
  }
}

extension CheckpointWriter.Format: ExpressibleByArgument {
  public init?(argument: String) {
    switch argument.lowercased() {
    case "safetensors": self = .safetensors
    case "pytorch", "pt", "pth", "bin": self = .pytorch
    default: return nil
    }
  }
}

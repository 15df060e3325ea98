import ArgumentParser
import SoupCLI

/// `soup data`: what concerns images, without a model.
struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Images: data sets and their corruptions.",
    subcommands: [
      DataListCommand.self, DataInfoCommand.self, DataFetchCommand.self, CorruptCommand.self, CorruptionsCommand.self,
    ])
}

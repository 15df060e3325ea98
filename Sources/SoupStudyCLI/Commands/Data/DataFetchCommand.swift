import ArgumentParser
import Foundation
import SoupCLI
import SoupData

/// `soup data fetch`: a known data set from its official address or a mirror.
struct DataFetchCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "fetch",
    abstract: "Fetch a known data set, check it and unpack it.",
    usage: "soup data fetch <name> [--into <folder>] [--mirror <place>] [<options>]",
    discussion: """
      Downloads with curl; an interrupted download continues where it stopped. Files are checked by SHA-256, where the \
      right one is known; else the first download's is recorded in SHA256SUMS beside it and later ones must agree. \
      Without a network it says what to download and where to put it. A mirror is a folder or an address that has the \
      files under their own names, or in a folder of the set's name.

      EXAMPLES
        soup data fetch cifar10
        soup data fetch imagenet-a --into /data/imagenet-a
        soup data fetch cifar10-c --mirror /mnt/downloads
        soup data fetch mnist --mirror https://mirror.example.org/data
      """)

  @Argument(help: ArgumentHelp("A name from `soup data list`.", valueName: "name"))
  var name: String

  @Option(name: .long, help: ArgumentHelp("Where to put it; data/NAME by default.", valueName: "folder"))
  var into: String?

  @Option(name: .long, help: ArgumentHelp("A folder or address to fetch from instead.", valueName: "place"))
  var mirror: String?

  @OptionGroup var output: OutputOptions

  func run(_ console: Console) throws {
    guard let set = KnownDataset.named(name) else {
      throw DataError(
        .unknownDataset, "no data set is called '\(name)'",
        expected: KnownDataset.all.map(\.name).joined(separator: ", "))
    }
    let folder = into ?? "data/\(name)"
    guard !set.files.isEmpty else {
      throw DataError(.notFound, "\(name) cannot be fetched for you", advice: "\(set.howToGet) Put it into \(folder).")
    }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for file in set.files {
      let fetch = DatasetFetch(set: set, file: file, folder: folder, mirror: mirror)
      let digest = try fetch.run { console.note($0) }
      if console.isJSON {
        try console.emit(Fetched(file: "\(folder)/\(file.name)", sha256: digest, isKnown: file.sha256 != nil))
      }
    }
    console.note("\(name) is in \(folder)")
  }

  private struct Fetched: Encodable {
    let file: String
    let sha256: String
    let isKnown: Bool
  }
}

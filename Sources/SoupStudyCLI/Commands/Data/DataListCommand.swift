import ArgumentParser
import Foundation
import SoupCLI
import SoupData

/// `soup data list`: which data sets there are, and which are here.
struct DataListCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the data sets that are known by name, and where they are.",
    usage: "soup data list [<options>]",
    discussion: """
      A set is looked for in $SOUP_DATA/NAME, ./data/NAME, /usr/local/share/datasets/NAME and \
      /usr/share/datasets/NAME; a folder may follow its name: cifar10:/data/cifar. Your own images: \
      imagefolder:FOLDER, wds:ARCHIVES, manifest:LIST, arrays:FILE, idx:FOLDER. See Guides/Data.md.

      EXAMPLES
        soup data list
        soup data list --json | jq 'select(.folder != null) | .name'
      """)

  @OptionGroup var output: OutputOptions

  func run(_ console: Console) throws {
    let environment = ProcessInfo.processInfo.environment
    let directory = FileManager.default.currentDirectoryPath
    var table = Table([.init("name"), .init("what"), .init("where")])
    for set in KnownDataset.all {
      let candidates = try DatasetSpecification(parsing: set.name)
        .candidates(environment: environment, currentDirectory: directory)
      let folder = candidates.first { FileManager.default.fileExists(atPath: $0) }
      if console.isJSON {
        try console.emit(
          Entry(
            name: set.name, summary: set.summary, folder: folder, files: set.files.map(\.address),
            sha256: set.files.map(\.sha256)))
      } else {
        let place = folder ?? (set.files.isEmpty ? "by hand" : "soup data fetch \(set.name)")
        table.add([set.name, set.summary, place])
      }
    }
    if !console.isJSON { console.print(table) }
  }

  private struct Entry: Encodable {
    let name: String
    let summary: String
    let folder: String?
    let files: [String]
    let sha256: [String?]
  }
}

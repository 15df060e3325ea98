import ArgumentParser
import SoupCLI
import SoupCheckpoints
import SoupData

/// `soup data corruptions`: which there are, as a table or as pictures.
struct CorruptionsCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "corruptions",
    abstract: "List the corruptions there are, or draw them all on one page.",
    usage: "soup data corruptions [--sheet <file> [--image <file>]] [<options>]",
    discussion: """
      Nineteen of ImageNet-C and CIFAR-C, six of LAION-C, each at five severities. The page has a row for each corruption \
      and a column for each severity.

      EXAMPLES
        soup data corruptions
            names, benchmarks, and whether a corruption draws random numbers
        soup data corruptions --sheet sheet.png --image photo.jpg
            every corruption at every severity of one photograph
        soup data corruptions --sheet fog.png --corruption fog,snow,frost
      """)

  @Option(name: .long, help: ArgumentHelp("Draw the page into this PNG file.", valueName: "file"))
  var sheet: String?

  @Option(
    name: .long,
    help: ArgumentHelp("The image to corrupt, JPEG or PNG; without one, a generated scene.", valueName: "file"))
  var image: String?

  @Option(name: .long, help: ArgumentHelp("Pixels a side of the pictures on the page.", valueName: "n"))
  var cell = 112

  @OptionGroup var options: CorruptionSource
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if cell < 8 || cell > 1024 { throw ValidationError("--cell is from 8 to 1024.") }
    if sheet == nil, image != nil { throw ValidationError("--image needs --sheet.") }
  }

  func run(_ console: Console) throws {
    let kinds = options.isChosen ? try options.kinds(otherwise: .cifarC) : CorruptionKind.allCases
    guard let sheet else { return try list(kinds, console) }
    var picture = try image.map { try PixelImage(contentsOf: $0) } ?? ContactSheet.exampleImage
    if image != nil { picture = picture.fitted(to: 224) }
    let page = try ContactSheet(kinds: kinds, seed: options.seed, table: options.table, cell: cell)
      .draw(picture, bank: options.textures())
    Interruption.removesPartialFiles()
    let bytes = try page.png()
    let file = try AtomicFile(path: sheet, size: bytes.count)
    try bytes.withUnsafeBytes { try file.write($0, at: 0) }
    try file.commit()
    if console.isJSON {
      try console.emit(Page(sheet: sheet, width: page.width, height: page.height))
    } else {
      console.note(
        "Drew \(kinds.count) corruptions at five severities into \(sheet), \(page.width) × \(page.height) pixels")
    }
  }

  private func list(_ kinds: [CorruptionKind], _ console: Console) throws {
    let entries = kinds.map { kind in
      Entry(
        name: kind.rawValue,
        suites: CorruptionSuite.allCases.filter { $0.kinds.contains(kind) }.map(\.rawValue),
        isRandom: !kind.isDeterministic)
    }
    if console.isJSON {
      for entry in entries { try console.emit(entry) }
      return
    }
    var table = Table([.init("corruption"), .init("random"), .init("suites")])
    for entry in entries {
      table.add([entry.name, entry.isRandom ? "yes" : "no", entry.suites.joined(separator: ", ")])
    }
    console.print(table)
  }

  private struct Entry: Encodable {
    let name: String
    let suites: [String]
    let isRandom: Bool
  }

  private struct Page: Encodable {
    let sheet: String
    let width: Int
    let height: Int
  }
}

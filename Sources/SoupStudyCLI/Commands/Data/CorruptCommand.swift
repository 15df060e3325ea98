import ArgumentParser
import SoupCLI
import SoupData
import SoupDataCLI

/// `soup data corrupt`: a data set's images, corrupted, as files in a benchmark's layout.
struct CorruptCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "corrupt",
    abstract: "Write a data set's images, corrupted, in the layout of a published benchmark.",
    usage: "soup data corrupt <dataset> -o <folder> [--suite <suite>] [<options>]",
    discussion: """
      Images of up to 64 pixels become arrays as in CIFAR-10-C: one .npy for each corruption, severities one after the \
      other, and labels.npy. Larger ones become folders as in ImageNet-C and LAION-C: corruption, severity, class, JPEG \
      files under their own names where the images are files. The same seed gives the same images, whatever the number of threads. Each array and each severity's folder \
      appears only when it is complete; what is there already is kept, so an interrupted command goes on when it is run \
      again.

      EXAMPLES
        soup data corrupt cifar10 -o cifar10-c/
            all nineteen corruptions of the test images, as CIFAR-10-C has them
        soup data corrupt fashion-mnist -o fashion-c/ --severity 3 --limit 1000
        soup data corrupt cifar10 -o fog/ --corruption fog,frost --severity 1,5
        soup data corrupt cifar10 -o laion/ --suite laion-c --layout folders --json
      """)

  @Argument(help: ArgumentHelp("A data set: cifar10, fashion-mnist, idx:/folder, ….", valueName: "dataset"))
  var dataset: String

  @Option(
    name: [.customShort("o"), .customLong("output")], help: ArgumentHelp("Where to write.", valueName: "folder"))
  var folder: String

  @Option(name: .long, help: ArgumentHelp("train or test.", valueName: "part"))
  var part: String = "test"

  @OptionGroup var options: CorruptionSource
  @OptionGroup var strength: SeverityOptions

  @Option(name: .long, help: ArgumentHelp("arrays or folders; by the images' size.", valueName: "layout"))
  var layout: CorruptionLayout?

  @Option(name: .long, help: ArgumentHelp("Only the first images.", valueName: "n"))
  var limit: Int?

  @Option(name: .long, help: ArgumentHelp("Threads; all cores by default. The result is the same.", valueName: "n"))
  var threads: Int?

  @Flag(name: .long, help: "Write over what is there already.")
  var force = false

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
    if DatasetSpecification.Part(rawValue: part) == nil { throw ValidationError("--part is train or test.") }
  }

  /// Names of image files, as `ILSVRC2012_val_00000293`; nil for images that are none, and where two of a class would be one.
  private static func names(_ images: any ImageDataset) -> [String]? {
    guard let files = ((images as? Subset)?.base ?? images) as? TransformedImages, files.images is ImageFiles else {
      return nil
    }
    let places = (images as? Subset)?.indices ?? Array(0..<files.count)
    let names = places.map { place -> String in
      let file = files.images.source(at: files.indices[place]).split(separator: "/").last.map(String.init) ?? ""
      return file.lastIndex(of: ".").map { String(file[..<$0]) } ?? file
    }
    let whole = zip(places, names).map { "\(files.label(at: $0))/\($1)" }
    return names.contains("") || Set(whole).count < whole.count ? nil : names
  }

  func run(_ console: Console) throws {
    let specification = try DatasetSpecification(parsing: dataset)
    var images = try specification.open(DatasetSpecification.Part(rawValue: part)!)
    if let limit { images = try Subset.first(limit, of: images) }
    let isSmall = min(images.height, images.width) <= 64
    let kinds = try options.kinds(otherwise: isSmall ? .cifarC : .imagenetC)
    let writer = CorruptedFiles(
      images: images, folder: folder, layout: layout ?? .usual(height: images.height, width: images.width),
      kinds: kinds, severities: try strength.severities(), table: options.table, seed: options.seed,
      bank: try options.textures(), threads: threads, replaces: force,
      source: .init(
        dataset: specification.description, part: part, images: images.count, seed: options.seed,
        table: options.table.resolved(height: images.height, width: images.width), bank: options.bank),
      names: Self.names(images))
    Interruption.removesPartialFiles()
    let bar = console.progress("Corrupting", total: writer.total, unit: .items("images"))
    let result = try writer.write { bar.advance(by: $0, message: $1) }
    bar.finish()
    if console.isJSON {
      try console.emit(result)
    } else {
      let kept = result.kept == 0 ? "" : "; \(Format.count(result.kept)) were there already"
      console.note(
        "Wrote \(Format.count(result.images)) images of \(kinds.count) corruptions into \(folder) "
          + "in \(Format.duration(result.seconds))\(kept)")
    }
  }
}

import ArgumentParser
import SoupCheckpoints
import SoupMixing

/// `soup replay`: the same soup again, from its lock.
struct ReplayCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Make a soup again from its lock, and say whether it has the same bytes.",
    usage: "soup replay <soup|lock> [-o <file>] [<options>]",
    discussion: """
      Checks that the ingredients are those of the lock, mixes them by its recipe and compares the result. Without -o \
      the soup is put back if it is gone; if it is there it is left alone, and the new one only compared. Exits with 1 \
      if an ingredient is missing or changed, or the bytes differ.

      EXAMPLES
        soup replay soup.safetensors
            prove that this file comes from those ingredients
        soup replay soup.lock -o again.safetensors
            make it again, elsewhere
      """)

  @Argument(help: ArgumentHelp("A soup, or its lock.", valueName: "soup|lock"))
  var path: String

  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("Where to put the new soup.", valueName: "file"))
  var outputPath: String?

  @Flag(name: .long, help: "Replace the output if it exists.")
  var force = false

  @Flag(name: .long, help: "Check ingredients by size and sample, not by all their bytes.")
  var samples = false

  @OptionGroup var engine: EngineOptions
  @OptionGroup var output: OutputOptions

  func run(_ console: Console) throws {
    let (lock, place) = try SoupLock.read(path)
    Interruption.removesPartialFiles()
    let mixer = engine.mixer
    let bar = console.progress("Mixing again", unit: .bytes)
    let result = try lock.replay(at: place, to: outputPath, replacing: force, samples: samples) { lock, files, output in
      try mixer.mix(lock, files: files, to: output) { bar.update(completed: $0.completedBytes, total: $0.totalBytes) }
    }
    bar.finish()
    if console.isJSON {
      try console.emit(result)
      return
    }
    let agreement =
      switch result.agreement {
      case .same: "the same bytes (SHA-256)"
      case .sameAsFile: "the same bytes as the soup on the disk"
      case .sampled: "the same size and sample; the lock has no SHA-256"
      }
    console.print((result.output.map { "\($0): " } ?? "Made again and compared: ") + agreement)
  }
}

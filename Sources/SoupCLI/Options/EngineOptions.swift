import ArgumentParser
import SoupMixing

/// How a mix runs: none of these changes its result.
struct EngineOptions: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("Threads; all cores by default. The result is the same.", valueName: "n"))
  var threads: Int?

  @Option(
    name: .customLong("max-memory"),
    help: ArgumentHelp("Memory that the work may take, such as 64MB or 1GB.", valueName: "size"))
  var maximumMemory = ByteCount(Mixer.defaultMaximumMemory)

  @Option(
    name: .customLong("io"),
    help: ArgumentHelp(
      "How ingredients are read: 'read' copies blocks with read-ahead, 'mmap' maps the files.", valueName: "mode"))
  var inputMode = InputMode.read

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
  }

  var mixer: Mixer {
    var mixer = Mixer(threads: threads)
    mixer.maximumMemory = maximumMemory.bytes
    mixer.inputMode = inputMode
    return mixer
  }
}

extension InputMode: ExpressibleByArgument {}

import ArgumentParser
import SoupMixing

/// How a mix runs: none of these changes its result.
struct EngineOptions: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("Threads; all cores by default. The result is the same.", valueName: "n"))
  var threads: Int?

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
  }

  var mixer: Mixer { Mixer(threads: threads) }
}

import ArgumentParser
import SoupCheckpoints
import SoupMixing

/// Where a soup goes and in what form.
struct SoupFileOptions: ParsableArguments {
  @Option(name: [.customShort("o"), .customLong("output")], help: ArgumentHelp("The soup's file.", valueName: "file"))
  var path: String

  @Flag(name: .long, help: "Replace the output if it exists; it may be one of the ingredients.")
  var force = false

  /// Mixes into the file. What is thrown says what to do on this command line.
  func mix(_ plan: MixPlan, with mixer: Mixer, progress: @escaping @Sendable (MixProgress) -> Void) throws -> MixReport
  {
    do {
      return try mixer.mix(plan, to: path, replacing: force, progress: progress)
    } catch let error as CheckpointError where error.code == .exists {
      throw CheckpointError(
        .exists, error.path, error.detail, advice: "name another output, or replace it with --force")
    }
  }
}

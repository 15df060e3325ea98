import ArgumentParser
import SoupCheckpoints
import SoupMixing

/// What is written beside the soup about where it comes from.
struct LockOptions: ParsableArguments {
  @Option(
    name: .customLong("lock"),
    help: ArgumentHelp(
      "What the lock beside the soup knows of the files: 'sha256', 'sample', or 'auto': SHA-256 where it is cheap.",
      valueName: "detail"))
  var detail = LockDetail.auto

  @Flag(name: .customLong("no-lock"), help: "Write no lock.")
  var isLeftOut = false

  /// Begins to take down what is mixed; nil without a lock.
  func recorder(
    _ stages: [RecipeFile.Stage], to output: CheckpointDestination, threads: Int? = nil
  ) throws -> LockRecorder? {
    isLeftOut ? nil : try LockRecorder(stages, to: output, detail: detail, threads: threads)
  }
}

extension LockDetail: ExpressibleByArgument {}

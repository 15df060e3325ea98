import ArgumentParser
import SoupCheckpoints
import SoupMixing

/// What is written beside the soup about where it comes from.
struct LockOptions: ParsableArguments {
  /// What the lock knows, or that there is none.
  enum Choice: String, ExpressibleByArgument, CaseIterable {
    case sha256, sample, none
  }

  @Option(
    name: .customLong("lock"),
    help: ArgumentHelp(
      "What the lock beside the soup knows of the files: their SHA-256, a sample (milliseconds, but not every byte), or "
        + "none: no lock.", valueName: "detail"))
  var choice = Choice.sha256

  @Flag(name: .customLong("no-lock"), help: "The same as --lock none.")
  var isLeftOut = false

  /// Begins to take down what is mixed; nil without a lock.
  func recorder(
    _ stages: [RecipeFile.Stage], to output: CheckpointDestination, threads: Int? = nil
  ) throws -> LockRecorder? {
    guard !isLeftOut, let detail = LockDetail(rawValue: choice.rawValue) else { return nil }
    return try LockRecorder(stages, to: output, detail: detail, threads: threads)
  }
}

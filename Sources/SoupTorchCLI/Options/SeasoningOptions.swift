import ArgumentParser
import Foundation
import SoupCheckpoints

/// Ingredients in, one soup out.
struct SoupFileOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("Checkpoints, or folders of them.", valueName: "checkpoint"))
  var checkpoints: [String]

  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("The soup to write (safetensors).", valueName: "path"))
  var soupPath: String

  @Flag(help: "Replace an existing output.") var force = false

  /// Refuses to overwrite what was not asked to be.
  func checkOutput() throws {
    guard force || !FileManager.default.fileExists(atPath: soupPath) else {
      throw CheckpointError(.exists, soupPath, "the output exists already", advice: "replace it with --force")
    }
  }
}

/// What every search by labelled images takes.
struct SeasoningOptions: ParsableArguments {
  @OptionGroup var files: SoupFileOptions
  var checkpoints: [String] { files.checkpoints }
  var soupPath: String { files.soupPath }

  @Option(help: .hidden) var split: EvaluationImages.Part = .heldOut
  @Option(help: .hidden) var shift: String?

  func validate() throws {
    guard split == .heldOut else {
      throw ValidationError(
        "ingredients are chosen on held-out images only: a soup chosen on the \(split.rawValue) images has no honest "
          + "score there. Leave out --split")
    }
    if let shift {
      throw ValidationError(
        "ingredients are chosen on held-out images as they are: a soup chosen under \(shift) has no honest score under it. "
          + "Leave out --shift")
    }
  }

  func checkOutput() throws { try files.checkOutput() }
}

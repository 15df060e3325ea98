import ArgumentParser
import Foundation
import SoupCLI
import SoupData

extension DatasetSpecification.Part: ExpressibleByArgument {}
extension ImageChoice.Subset: ExpressibleByArgument {}

/// Which images of a data set a command takes.
struct ImageChoiceOptions: ParsableArguments {
  @Option(help: ArgumentHelp("train (without the held-out images) or test.", valueName: "part"))
  var split: DatasetSpecification.Part = .train

  @Option(help: ArgumentHelp("all, or every second image: even or odd, counted from 0.", valueName: "which"))
  var subset: ImageChoice.Subset = .all

  /// Each image comes under one of the corruptions at one of the severities.
  @OptionGroup var corruptions: ComputedShift

  func validate() throws {
    guard corruptions.shift == nil, !corruptions.given.isEmpty else { return }
    throw ValidationError("\(corruptions.given.joined(separator: ", ")) need --shift: \(ComputedShift.advice)")
  }

  func choice() throws -> ImageChoice {
    let shift = try corruptions.shift.map {
      try RandomShift(
        $0, corruptions: corruptions.kinds(of: $0), severities: corruptions.severities(),
        seed: corruptions.shiftSeed ?? 0)
    }
    return ImageChoice(part: split, subset: subset, shift: shift)
  }
}

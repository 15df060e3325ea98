import ArgumentParser
import SoupCLI
import SoupData

extension BadImagePolicy: ExpressibleByArgument {}

/// What happens to image files that cannot be decoded.
struct BadImageOptions: ParsableArguments {
  @Option(
    name: .customLong("on-bad-image"),
    help: ArgumentHelp(
      "Of image files: 'error' stops at one that cannot be decoded, 'skip' decodes all of them first and leaves those out. "
        + "(default: error)", valueName: "policy"))
  var policy: BadImagePolicy?

  /// The data set with this policy, if one was given.
  func apply(to specification: DatasetSpecification) throws -> DatasetSpecification {
    try policy.map(specification.onBadImage) ?? specification
  }

  /// Says which images were left out.
  static func report(_ images: any ImageDataset, _ console: Console) {
    guard let images = images as? TransformedImages, let first = images.skipped.first else { return }
    let count = images.skipped.count
    console.warn(
      "\(images.name): \(count) of \(images.images.count) images cannot be decoded and \(count == 1 ? "is" : "are") left out"
    )
    for image in images.skipped.prefix(5) { console.warn("  \(image.problem)") }
    if count > 5, first != images.skipped.last { console.warn("  … 'soup data info --check' names all of them") }
  }
}

import ArgumentParser
import Foundation
import SoupCLI
import SoupData

/// `soup data info`: what is in a data set.
struct DataInfoCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Show what a data set holds; with --check, decode every image.",
    usage: "soup data info <data> [--part <part>] [--check] [<options>]",
    discussion: """
      Prints images, classes, sizes and the fewest and most images of a class. --check decodes every image file and names \
      those that cannot be decoded; by default that is an error (exit 1), with --on-bad-image skip it is only counted.

      EXAMPLES
        soup data info fashion-mnist
        soup data info 'imagefolder:/my/photos?size=224' --part train --check
        soup data info 'wds:/shards/{000..009}.tar' --check --on-bad-image skip
        soup data info 'cifar10-c:/data/CIFAR-10-C?corruption=fog&severity=3' --json
        soup data info 'imagenet-r:/data/imagenet-r?classes=wnids.txt'
      """)

  @Argument(help: ArgumentHelp("The data set: a name, or NAME:FOLDER?OPTIONS.", valueName: "data"))
  var data: String

  @Option(name: .long, help: ArgumentHelp("train or test; whichever there is by default.", valueName: "part"))
  var part: DatasetSpecification.Part?

  @Flag(name: .long, help: "Decode every image.")
  var check = false

  @Option(
    name: .customLong("on-bad-image"),
    help: ArgumentHelp("error or skip: whether an image that cannot be decoded is a failure.", valueName: "policy"))
  var onBadImage = BadImagePolicy.error

  @Option(name: .long, help: ArgumentHelp("Threads; all cores by default.", valueName: "n"))
  var threads: Int?

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
  }

  func run(_ console: Console) throws {
    let specification = try DatasetSpecification(parsing: data)
    let threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
    var found = false
    var failure: (any Error)?
    var hasBad = false
    for part in part.map({ [$0] })
      ?? (specification.kind.hasTrainingImages ? DatasetSpecification.Part.allCases : [.test])
    {
      do {
        let summary = try summary(specification, part, threads: threads, console)
        if console.isJSON { try console.emit(summary) } else { print(summary, console) }
        hasBad = hasBad || !(summary.bad ?? []).isEmpty
        found = true
      } catch {
        // Many sets have one part only.
        failure = failure ?? error
      }
    }
    if !found, let failure { throw failure }
    if hasBad, onBadImage == .error { throw ExitCode(1) }
  }

  private func summary(
    _ specification: DatasetSpecification, _ part: DatasetSpecification.Part, threads: Int, _ console: Console
  ) throws -> Summary {
    let set = try specification.open(part, threads: threads)
    let counts = set.classCounts
    var summary = Summary(
      part: part.rawValue, name: set.name, images: set.count, classes: set.classCount, channels: set.channels,
      height: set.height, width: set.width, fewest: counts.filter { $0 > 0 }.min() ?? 0, most: counts.max() ?? 0,
      classesWithoutImages: counts.count { $0 == 0 }, mean: set.normalization.mean,
      deviation: set.normalization.deviation, checksum: String(set.checksum(), radix: 16))
    if check, let images = try specification.encoded(part) {
      let bar = console.progress("Decoding", total: images.count, unit: .items("images"))
      let result = try Self.check(images, threads: threads, bar: bar)
      bar.finish()
      summary.bad = result.bad.map { Bad(source: $0.source, problem: $0.problem.description) }
      summary.repaired = result.repaired.map { images.source(at: $0) }
    }
    return summary
  }

  private static func check(_ images: some EncodedImages, threads: Int, bar: ProgressBar) throws -> ImageCheck {
    let total = images.count
    return try ImageCheck(images, threads: threads) { done in
      bar.update(completed: done, total: total)
      return true
    }
  }

  private func print(_ summary: Summary, _ console: Console) {
    var table = Table([.init(summary.name), .init("")])
    table.add(["images", Format.count(summary.images)])
    table.add(["classes", Format.count(summary.classes)])
    if summary.classesWithoutImages > 0 {
      table.add(["classes without images", Format.count(summary.classesWithoutImages)])
    }
    table.add(["images of a class", "\(Format.count(summary.fewest)) to \(Format.count(summary.most))"])
    table.add(["size", "\(summary.height) × \(summary.width) × \(summary.channels)"])
    table.add(["mean", summary.mean.map { Format.significant(Double($0)) }.joined(separator: ", ")])
    table.add(["deviation", summary.deviation.map { Format.significant(Double($0)) }.joined(separator: ", ")])
    table.add(["checksum", summary.checksum])
    if let bad = summary.bad, let repaired = summary.repaired {
      table.add(["cannot be decoded", Format.count(bad.count)])
      table.add(["repaired by guessing", Format.count(repaired.count)])
    }
    console.print(table)
    for image in summary.bad ?? [] { console.print("  \(image.problem)") }
    console.print()
  }

  private struct Bad: Encodable {
    let source: String
    let problem: String
  }

  private struct Summary: Encodable {
    let part: String
    let name: String
    let images: Int
    let classes: Int
    let channels: Int
    let height: Int
    let width: Int
    let fewest: Int
    let most: Int
    let classesWithoutImages: Int
    let mean: [Float]
    let deviation: [Float]
    let checksum: String
    var bad: [Bad]?
    var repaired: [String]?
  }
}

extension DatasetSpecification.Part: ExpressibleByArgument {}
extension BadImagePolicy: ExpressibleByArgument {}

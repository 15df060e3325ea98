import ArgumentParser
import Foundation
import SoupAnalysis
import SoupCLI
import SoupData
import SoupEvaluation

/// A distribution shift to score under, and how much of it.
struct ShiftOptions: ParsableArguments {
  @OptionGroup var corruptions: ComputedShift

  @Option(help: ArgumentHelp("Under a shift: this many images, evenly over the set. (default: all)", valueName: "n"))
  var images: Int?

  @Option(
    help: ArgumentHelp(
      "Under a shift: score groups of classes, as LAION-C's 16: a JSON object of lists of class numbers, or lines "
        + "151,dog.", valueName: "file"))
  var superclasses: String?

  func validate() throws {
    if let images, images < 1 { throw ValidationError("--images must be at least 1, found \(images)") }
  }

  var shift: CorruptionSuite? { corruptions.shift }
  var shiftSeed: UInt64? { corruptions.shiftSeed }

  /// Refuses options that mean nothing.
  /// - Parameter stored: the benchmark that lies on disk, if one was named.
  func check(stored: DatasetSpecification?) throws {
    guard corruptions.bank == nil || stored == nil else {
      throw ValidationError("--bank is for corruptions made in memory; \(stored!) is on disk")
    }
    guard shift == nil || stored == nil else {
      throw ValidationError("--data \(stored!) is shifted already; leave out --shift")
    }
    let given =
      corruptions.given
      + [("--images", images != nil), ("--superclasses", superclasses != nil)].filter(\.1).map(\.0)
    if shift == nil, stored == nil, !given.isEmpty {
      throw ValidationError(
        "\(given.joined(separator: ", ")) need --shift: \(ComputedShift.advice); or --data cifar10-c, cifar100-c or imagenet-c"
      )
    }
  }

  /// The shifted images, made in memory.
  func load(_ base: any ImageDataset) throws -> ShiftedImages? {
    guard let shift else { return nil }
    return try ShiftedImages(
      base, suite: shift, kinds: corruptions.kinds(of: shift), severities: corruptions.severities(),
      seed: shiftSeed ?? 0,
      images: images, groups: groups(classCount: base.classCount), bank: corruptions.textures())
  }

  /// The shifted images of a benchmark on disk.
  func load(stored: DatasetSpecification, subset: ImageChoice.Subset = .all) throws -> ShiftedImages {
    let suite: CorruptionSuite = stored.kind == .imageNetC ? .imagenetC : .cifarC
    let kinds = try corruptions.kinds(of: .cifarC) ?? suite.kinds
    let severities = try Set(corruptions.severities()).sorted()
    @Sendable func version(_ kind: CorruptionKind, _ severity: Int) -> DatasetSpecification {
      let chosen = ["corruption": kind.rawValue, "severity": "\(severity)"]
      return DatasetSpecification(
        stored.kind, path: stored.path, options: stored.options.merging(chosen) { _, new in new })
    }
    let classes = try version(kinds[0], severities[0]).open(.test).classCount
    return try ShiftedImages(
      name: stored.kind.rawValue,
      stored: CorruptionSuite.cifarC.kinds.filter(kinds.contains).flatMap { kind in
        severities.map { severity in
          (kind.rawValue, severity, { @Sendable in try subset(version(kind, severity).open(.test)) })
        }
      }, images: images, groups: groups(classCount: classes))
  }

  private func groups(classCount: Int) throws -> SuperClasses? {
    guard let superclasses else { return nil }
    guard let text = FileManager.default.contents(atPath: superclasses) else {
      throw EvaluationError(.noData, file: superclasses, "\(superclasses): the file of superclasses cannot be read")
    }
    return try SuperClasses(parsing: String(decoding: text, as: UTF8.self), classCount: classCount)
  }
}

extension DatasetSpecification {
  /// Whether it names a whole benchmark of corruptions on disk rather than one of them.
  var isStoredShift: Bool {
    [.cifar10C, .cifar100C, .imageNetC].contains(kind) && options["corruption"] == nil && options["severity"] == nil
  }
}

import ArgumentParser
import Foundation
import SoupAnalysis
import SoupCLI
import SoupData
import SoupEvaluation

extension CorruptionSuite: ExpressibleByArgument {}

/// A distribution shift to score under, and how much of it.
struct ShiftOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Score under the corruptions of a benchmark, made in memory from these images: cifar-c (19), imagenet-c (15), "
        + "imagenet-c-extra (4) or laion-c (6).", valueName: "name"))
  var shift: CorruptionSuite?

  @Option(help: ArgumentHelp("Only these corruptions, as fog,snow. (default: all)", valueName: "names"))
  var corruption: [String] = []

  @Option(help: ArgumentHelp("Only these severities, as 3 or 1,3,5. (default: 1 to 5)", valueName: "numbers"))
  var severity: [String] = []

  @Option(help: ArgumentHelp("Seed of random corruptions. (default: 0)", valueName: "n"))
  var shiftSeed: UInt64?

  @Option(help: ArgumentHelp("Under a shift: this many images, evenly over the set. (default: all)", valueName: "n"))
  var images: Int?

  @Option(
    help: ArgumentHelp(
      "JPEG and PNG files for frost, mosaic and stickers. (default: generated ones)", valueName: "folder"))
  var bank: String?

  @Option(
    help: ArgumentHelp(
      "Under a shift: score groups of classes, as LAION-C's 16: a JSON object of lists of class numbers, or lines "
        + "151,dog.", valueName: "file"))
  var superclasses: String?

  func validate() throws {
    if let images, images < 1 { throw ValidationError("--images must be at least 1, found \(images)") }
    _ = try severities()
    if let shift { _ = try kinds(of: shift) }
  }

  /// Refuses options that mean nothing.
  /// - Parameter stored: the benchmark that lies on disk, if one was named.
  func check(stored: DatasetSpecification?) throws {
    guard bank == nil || stored == nil else {
      throw ValidationError("--bank is for corruptions made in memory; \(stored!) is on disk")
    }
    guard shift == nil || stored == nil else {
      throw ValidationError("--data \(stored!) is shifted already; leave out --shift")
    }
    let given = [
      ("--shift-seed", shiftSeed != nil), ("--corruption", !corruption.isEmpty), ("--severity", !severity.isEmpty),
      ("--images", images != nil), ("--bank", bank != nil), ("--superclasses", superclasses != nil),
    ].filter(\.1).map(\.0)
    if shift == nil, stored == nil, !given.isEmpty {
      throw ValidationError(
        "\(given.joined(separator: ", ")) need --shift, or --data cifar10-c, cifar100-c or imagenet-c")
    }
  }

  /// The shifted images, made in memory.
  func load(_ base: any ImageDataset) throws -> ShiftedImages? {
    guard let shift else { return nil }
    return try ShiftedImages(
      base, suite: shift, kinds: kinds(of: shift), severities: severities(), seed: shiftSeed ?? 0, images: images,
      groups: groups(classCount: base.classCount), bank: bank.map { try TextureBank(folder: $0) })
  }

  /// The shifted images of a benchmark on disk.
  func load(stored: DatasetSpecification) throws -> ShiftedImages {
    let suite: CorruptionSuite = stored.kind == .imageNetC ? .imagenetC : .cifarC
    let kinds = try kinds(of: .cifarC) ?? suite.kinds
    let severities = try Set(severities()).sorted()
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
          (kind.rawValue, severity, { @Sendable in try version(kind, severity).open(.test) })
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

  private func kinds(of shift: CorruptionSuite) throws -> [CorruptionKind]? {
    let names = corruption.flatMap(Self.parts)
    guard !names.isEmpty else { return nil }
    let kinds = names.map { CorruptionKind(rawValue: $0.replacing("-", with: "_")) }
    let unknown = zip(names, kinds).filter { $1.map { !shift.kinds.contains($0) } ?? true }.map(\.0)
    guard unknown.isEmpty else {
      throw ValidationError(
        "\(shift.rawValue) has no corruption \(unknown.joined(separator: ", ")); it has "
          + shift.kinds.map(\.rawValue).joined(separator: ", "))
    }
    return kinds.compactMap { $0 }
  }

  private func severities() throws -> [Int] {
    let texts = severity.flatMap(Self.parts)
    guard !texts.isEmpty else { return Array(1...5) }
    return try texts.map { text in
      guard let number = Int(text), (1...5).contains(number) else {
        throw ValidationError("--severity takes numbers from 1 to 5, found '\(text)'")
      }
      return number
    }
  }

  private static func parts(_ text: String) -> [String] {
    text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
  }
}

extension DatasetSpecification {
  /// Whether it names a whole benchmark of corruptions on disk rather than one of them.
  var isStoredShift: Bool {
    [.cifar10C, .cifar100C, .imageNetC].contains(kind) && options["corruption"] == nil && options["severity"] == nil
  }
}

import ArgumentParser
import Foundation
import SoupCLI
import SoupStudies

/// Which study, and where it lives.
struct StudyLocation: ParsableArguments {
  @Argument(help: ArgumentHelp("The study's YAML file.", valueName: "study.yaml"))
  var path: String

  @Option(
    help: ArgumentHelp(
      "Where everything of the study is kept. (default: runs/ and the study's name)", valueName: "folder"))
  var folder: String?

  @OptionGroup var overriding: OverrideOptions

  @Option(help: .hidden) var program: String?

  func open(_ access: Study.Access) throws -> Study {
    let file = try StudyFile(contentsOf: path, overrides: overriding.overrides())
    return try Study(
      file, folder: folder ?? "runs/\(file.name)", program: program ?? SiblingProgram.soup.path(), access: access)
  }
}

/// Values in place of the file's.
struct OverrideOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Another seed than the file's, in a folder of its own: runs/NAME-seed-N.", valueName: "n"))
  var seed: UInt64?

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Another value than the file's, as data=cifar10:data/cifar10: of seed, name, data, retries or workers.",
      valueName: "key=value"))
  var set: [String] = []

  func validate() throws { _ = try overrides() }

  func overrides() throws -> StudyOverrides {
    var overrides = StudyOverrides(seed: seed)
    for text in set {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2, StudyOverrides.keys.contains(parts[0]), !parts[1].isEmpty else {
        throw ValidationError(
          "--set takes KEY=VALUE with one of \(StudyOverrides.keys.joined(separator: ", ")), found '\(text)'")
      }
      overrides.values[parts[0]] = parts[1]
    }
    if seed != nil, overrides.values["seed"] != nil {
      throw ValidationError("--seed and --set seed exclude each other")
    }
    return overrides
  }
}

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

  @Option(help: .hidden) var program: String?

  func open(_ access: Study.Access) throws -> Study {
    let file = try StudyFile(contentsOf: path)
    return try Study(
      file, folder: folder ?? "runs/\(file.name)", program: program ?? SiblingProgram.soup.path(), access: access)
  }
}

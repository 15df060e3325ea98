import Foundation
import SoupCLI
import SoupStudies

/// The table of pair soups that a command is given: a file, or one of a study's.
struct PairSource {
  let table: String
  let similarities: String?

  /// - Parameters:
  ///   - path: a CSV file, a study's YAML file, or its folder.
  ///   - name: of the study's tables; its first where nil.
  ///   - similarities: named apart; wins over the study's own.
  /// - Throws: `StudyError` for a study without such a table.
  init(_ path: String, named name: String?, similarities: String?) throws {
    let input = try ReportInput(path, folder: nil)
    guard let folder = input.studyFolder else {
      (table, self.similarities) = (path, similarities)
      return
    }
    let copy = folder + "/study.yaml"
    guard FileManager.default.fileExists(atPath: copy) else {
      throw StudyError(
        .notStarted, folder, "is no folder of a study that was run (it has no study.yaml)",
        advice: "name a table, or a study that has 'pairs'")
    }
    let study = try Study(StudyFile(contentsOf: copy), folder: folder, program: "soup", access: .results)
    let tables = study.file.pairs.flatMap { pairs in
      pairs.tables.map { (pairs: pairs, name: $0.name, file: $0.file) }
    }
    guard let chosen = tables.first(where: { name == nil || $0.name == name }) else {
      throw StudyError(
        .badResult, copy, name.map { "the study has no table '\($0)'" } ?? "the study has no 'pairs'",
        advice: tables.isEmpty ? "" : "it has \(tables.map(\.name).joined(separator: ", "))")
    }
    guard let run = study.runs[chosen.pairs.name], run.state == .done else {
      throw StudyError(.notStarted, folder, "its pairs are not done yet", advice: "'soup study run' goes on with it")
    }
    table = study.runFolder(run)[chosen.file]
    self.similarities = similarities ?? study.similarities(of: chosen.pairs)
  }
}

import Foundation
import SoupCLI
import SoupReports
import SoupStudies
import SoupTensors

/// What a report is made of: a study, known by its file or its folder, or files of results.
struct ReportInput {
  /// Where the study is kept; nil for a file of results.
  private(set) var studyFolder: String?
  let path: String
  private let overrides: StudyOverrides

  /// - Parameters:
  ///   - folder: where the study of a YAML file is kept; by default `runs/` and its name.
  ///   - seed: in place of the file's, as for `soup study run --seed`.
  init(_ path: String, folder: String?, seed: UInt64? = nil) throws {
    self.path = path
    overrides = StudyOverrides(seed: seed)
    if Self.isFolder(path) {
      studyFolder = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    } else if Self.isStudyFile(path) {
      studyFolder = try folder ?? "runs/" + StudyFile(contentsOf: path, overrides: overrides).name
    }
  }

  /// Adds the results to `records`.
  func read(into records: inout StudyRecords, _ console: Console) throws {
    guard let studyFolder else { return try records.read(path) }
    // The study as it was run last: results of a file that was changed since do not exist yet.
    let copy = studyFolder + "/study.yaml"
    guard FileManager.default.fileExists(atPath: copy) else {
      throw StudyError(
        .notStarted, studyFolder, "is no folder of a study that was run (it has no study.yaml)",
        advice: "'soup study run' makes one; --folder names another")
    }
    let file = try StudyFile(contentsOf: copy)
    if path != studyFolder, !Self.isFolder(path),
      try StudyFile(contentsOf: path, overrides: overrides).text != file.text
    {
      console.warn("\(path) was changed since it was last run; the report is of what was run (\(copy))")
    }
    let study = try Study(file, folder: studyFolder, program: "soup", access: .results)
    let export = StudyExport(study, version: SoupVersion.current)
    try records.add(lines: export.records().map { JSONValue.object($0).line }, of: studyFolder)
  }

  static func isStudyFile(_ path: String) -> Bool {
    (path.hasSuffix(".yaml") || path.hasSuffix(".yml")) && !isFolder(path)
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }
}

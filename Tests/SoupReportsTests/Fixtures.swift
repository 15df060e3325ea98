import Foundation
import SoupReports

/// The committed file of that name in `Tests/Fixtures`.
func fixture(_ name: String, file: String = #filePath) -> String {
  URL(filePath: file).deletingLastPathComponent().deletingLastPathComponent().path + "/Fixtures/" + name
}

/// The published table of the paper: 72 models, two soups and the ensemble.
func publishedTable() throws -> ResultTable {
  try PublishedTable.read(
    ["individual_model", "uniform_soup", "greedy_soup", "ensemble"].map { fixture("model-soups/\($0)_results.jsonl") })
}

/// A folder for one test, removed with its last reference.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "soup-tests-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  subscript(name: String) -> String { path + "/" + name }

  func text(_ name: String) throws -> String { try String(contentsOfFile: self[name], encoding: .utf8) }

  func write(_ text: String, to name: String) throws -> String {
    try Data(text.utf8).write(to: URL(filePath: self[name]))
    return self[name]
  }
}

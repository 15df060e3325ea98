import Foundation

/// A folder for one test, removed with its last reference.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "soup-tests-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  subscript(name: String) -> String { path + "/" + name }

  /// Names of everything in the folder, hidden files too.
  var contents: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() } }
}

/// The committed file of that name in `Tests/Fixtures`.
func fixture(_ name: String, file: String = #filePath) -> String {
  URL(filePath: file).deletingLastPathComponent().deletingLastPathComponent().path + "/Fixtures/" + name
}

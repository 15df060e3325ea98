import Foundation
import SoupCLI
import SoupCheckpoints

/// Points of a landscape as they are computed, in a CSV file that an interrupted run continues.
///
/// Beside `FILE.csv` stands `FILE.csv.json`: what was measured (checkpoints by fingerprint, images, policies) and, at the end, the result.
/// Points in the file are computed again only if any of that has changed, and then only when told to start over.
final class PointFile {
  private(set) var table: PointTable
  private let path: String?
  private let identity: [String: String]
  private var handle: FileHandle?

  /// - Parameters:
  ///   - path: nil keeps points in memory only.
  ///   - identity: everything that the values depend on but the point itself.
  ///   - restart: whether an existing file may be overwritten.
  /// - Throws: `CheckpointError.Code.exists` if the file holds something else.
  init(_ table: PointTable, path: String?, identity: [String: String], restart: Bool) throws {
    self.table = table
    self.path = path
    self.identity = identity
    guard let path else { return }
    let url = URL(filePath: path)
    if FileManager.default.fileExists(atPath: path), !restart {
      try continueFile(path)
    } else {
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try describe(result: Optional<String>.none)
      try Data(table.header.utf8).write(to: url)
    }
    handle = try FileHandle(forWritingTo: url)
    try handle?.seekToEnd()
  }

  deinit { try? handle?.close() }

  /// Points that were there before.
  var continued: Int { continuedRows }
  private var continuedRows = 0

  func append(_ row: [PointTable.Cell]) throws {
    table.add(row)
    try handle?.write(contentsOf: Data(PointTable.line(row).utf8))
  }

  /// Writes the description with the result in it.
  func finish(_ result: some Encodable) throws { try describe(result: result) }

  private struct Description<Result: Encodable>: Encodable {
    let identity: [String: String]
    let result: Result?
  }

  private struct Known: Decodable { let identity: [String: String] }

  private func describe(result: (some Encodable)?) throws {
    guard let path else { return }
    let text = try Console.json(Description(identity: identity, result: result)) + "\n"
    try Data(text.utf8).write(to: URL(filePath: path + ".json"), options: .atomic)
  }

  private func continueFile(_ path: String) throws {
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let known = (try? Data(contentsOf: URL(filePath: path + ".json"))).flatMap {
      try? JSONDecoder().decode(Known.self, from: $0)
    }
    guard let known, text.hasPrefix(table.header) else {
      throw CheckpointError(
        .exists, path, "exists already and is not a landscape of these columns",
        advice: "name another file, or overwrite it with --restart")
    }
    let different = Set(known.identity.keys).union(identity.keys).filter { known.identity[$0] != identity[$0] }.sorted()
    guard different.isEmpty else {
      throw CheckpointError(
        .exists, path,
        "holds points of another landscape; different: "
          + different.map { "\($0) (\(known.identity[$0] ?? "none") there, \(identity[$0] ?? "none") here)" }
          .joined(separator: "; "), advice: "name another file, or overwrite it with --restart")
    }
    // A line that a kill cut off has no end; what follows the last end is dropped.
    let whole = text.lastIndex(of: "\n").map { text[...$0] } ?? ""
    for line in whole.split(separator: "\n").dropFirst() {
      guard let row = table.row(parsing: line), table.row(Array(row[..<table.keyCount])) == nil else { continue }
      table.add(row)
    }
    continuedRows = table.rows.count
    let handle = try FileHandle(forWritingTo: URL(filePath: path))
    try handle.truncate(atOffset: UInt64(whole.utf8.count))
    try handle.close()
  }
}

import Foundation
import SoupCLI
import SoupData
import SoupMixing

/// One file of a known data set: fetched, checked, unpacked.
struct DatasetFetch {
  let set: KnownDataset
  let file: KnownDataset.File
  let folder: String
  /// A folder or an address.
  let mirror: String?

  private var path: String { "\(folder)/\(file.name)" }
  private var sums: String { "\(folder)/SHA256SUMS" }

  /// - Returns: the file's SHA-256.
  func run(note: (String) -> Void) throws -> String {
    if !exists(path) {
      try download(note)
    }
    let digest = try FileDigest.sha256(path) ?? ""
    if let expected = file.sha256 ?? recorded() {
      guard digest == expected else {
        throw DataError(
          .damaged, file: path, "is not the file that was expected", expected: "SHA-256 \(expected)", found: digest,
          advice: "Delete it and fetch it again")
      }
    } else {
      note("\(file.name): no SHA-256 is published; recorded \(digest) in \(sums)")
      try record(digest)
    }
    try unpack(note)
    return digest
  }

  private func download(_ note: (String) -> Void) throws {
    let partial = path + ".partial"
    if let mirror, !mirror.contains("://") {
      let places = ["\(mirror)/\(set.name)/\(file.name)", "\(mirror)/\(file.name)"]
      guard let source = places.first(where: exists) else {
        throw DataError(.notFound, "the mirror does not have \(file.name)", expected: places.joined(separator: " or "))
      }
      try? FileManager.default.removeItem(atPath: partial)
      try FileManager.default.copyItem(atPath: source, toPath: partial)
    } else {
      let addresses = mirror.map { ["\($0)/\(set.name)/\(file.name)", "\($0)/\(file.name)"] } ?? [file.address]
      var status: Int32 = 1
      for address in addresses {
        note("fetching \(address)" + (exists(partial) ? ", from where it stopped" : ""))
        status = try Self.run("curl", ["-fL", "--retry", "3", "-sS", "-C", "-", "-o", partial, address])
        if status == 0 { break }
      }
      guard status == 0 else {
        throw DataError(
          .unreadable, "\(file.name) cannot be fetched (curl ended with \(status))",
          advice:
            "Where there is a network: \(file.address) — put it into \(folder), then run this again; or name a mirror: "
            + "--mirror FOLDER")
      }
    }
    try FileManager.default.moveItem(atPath: partial, toPath: path)
  }

  /// Unpacks beside itself; a marker says that it was done to the end.
  private func unpack(_ note: (String) -> Void) throws {
    guard let kind = file.unpacks else { return }
    let marker = "\(folder)/.\(file.name).unpacked"
    guard !exists(marker) else { return }
    note("unpacking \(file.name)")
    let status =
      kind == .tar
      ? try Self.run("tar", ["-xf", path, "-C", folder]) : try Self.run("unzip", ["-qo", path, "-d", folder])
    guard status == 0 else {
      throw DataError(.damaged, file: path, "cannot be unpacked", advice: "Unpack it into \(folder) by hand")
    }
    _ = FileManager.default.createFile(atPath: marker, contents: nil)
  }

  /// Lines `digest  name`, as sha256sum writes them.
  private func recorded() -> String? {
    let lines = (try? String(contentsOfFile: sums, encoding: .utf8))?.split(separator: "\n") ?? []
    return lines.first { $0.hasSuffix("  " + file.name) }.map { String($0.prefix(64)) }
  }

  private func record(_ digest: String) throws {
    let before = (try? String(contentsOfFile: sums, encoding: .utf8)) ?? ""
    try (before + "\(digest)  \(file.name)\n").write(toFile: sums, atomically: true, encoding: .utf8)
  }

  private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  /// Runs a program found on the path; its words go to standard error.
  private static func run(_ program: String, _ arguments: [String]) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.standardError
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }
}

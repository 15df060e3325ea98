import Crypto
import Foundation

/// SHA-256 of files and folders outside the study, remembered by path, size and time of change.
///
/// A folder stands for the names and contents of the files directly in it, so that a data set of a few files is covered
/// and a tree of a million images is not read; name what matters under `inputs` there.
public final class Fingerprints {
  public struct Entry: Sendable, Hashable {
    public let path: String
    public let size: Int
    /// Nanoseconds since 1970.
    public let changed: Int
    public let hash: String
  }

  private var known: [String: Entry]
  /// Entries that were computed, not remembered.
  public private(set) var computed: [Entry] = []
  private var answers: [String: String] = [:]

  public init(known: [Entry] = []) {
    self.known = Dictionary(known.map { ($0.path, $0) }) { _, new in new }
  }

  /// - Throws: `StudyError` with code `missing-input`.
  public func callAsFunction(_ path: String) throws(StudyError) -> String {
    if let answer = answers[path] { return answer }
    let answer = try fingerprint(path)
    answers[path] = answer
    return answer
  }

  private func fingerprint(_ path: String) throws(StudyError) -> String {
    guard let information = FileStatus(path) else {
      throw StudyError(.missingInput, path, "the study needs this file or folder, and it does not exist")
    }
    guard information.isFolder else { return try file(path, information) }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    var lines: [String] = []
    for name in names.sorted() where !name.hasPrefix(".") {
      guard let status = FileStatus(path + "/" + name) else { continue }
      lines.append(status.isFolder ? "folder \(name)" : "\(try file(path + "/" + name, status)) \(name)")
    }
    return Self.hex(SHA256.hash(data: Data(lines.joined(separator: "\n").utf8)))
  }

  private func file(_ path: String, _ status: FileStatus) throws(StudyError) -> String {
    if let entry = known[path], entry.size == status.size, entry.changed == status.changed { return entry.hash }
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw StudyError(.missingInput, path, "cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { try? handle.close() }
    var hash = SHA256()
    do {
      while let data = try handle.read(upToCount: 4 << 20), !data.isEmpty { hash.update(data: data) }
    } catch {
      throw StudyError(.missingInput, path, "cannot be read: \(error)")
    }
    let entry = Entry(path: path, size: status.size, changed: status.changed, hash: Self.hex(hash.finalize()))
    known[path] = entry
    computed.append(entry)
    return entry.hash
  }

  private static func hex(_ digest: SHA256.Digest) -> String { digest.map { String(format: "%02x", $0) }.joined() }
}

/// What `stat` says, links followed.
struct FileStatus {
  let size: Int
  let changed: Int
  let isFolder: Bool

  init?(_ path: String) {
    var information = stat()
    guard stat(path, &information) == 0 else { return nil }
    size = Int(information.st_size)
    #if os(Linux)
      let time = information.st_mtim
    #else
      let time = information.st_mtimespec
    #endif
    changed = Int(time.tv_sec) * 1_000_000_000 + Int(time.tv_nsec)
    isFolder = information.st_mode & S_IFMT == S_IFDIR
  }
}

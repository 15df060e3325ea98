import SoupCheckpoints
import SoupTensors

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a soup was made of: enough to check it, and to make it again. A JSON file beside the soup.
///
/// For `soup.safetensors` it is `soup.lock`, for any other file `NAME.lock`, and in a folder `soup.lock`. Paths of files
/// below the lock's folder are relative to it, so that the folder can be moved; others are absolute.
public struct SoupLock: Codable, Sendable, Equatable {
  /// A file as it was.
  public struct File: Codable, Sendable, Equatable {
    public var path: String
    public var bytes: Int
    /// Of all bytes; nil where it was not wanted yet (`LockDetail`).
    public var sha256: String?
    /// `FileDigest.sample`.
    public var sample: String
  }

  /// A checkpoint that was read.
  public struct Input: Codable, Sendable, Equatable {
    /// As the recipe calls it.
    public var name: String
    /// Where that is: a file, an index or a folder.
    public var path: String
    /// One, or the shards.
    public var files: [File]
  }

  /// One mix. Later stages use earlier ones by name.
  public struct Stage: Codable, Sendable, Equatable {
    public var name: String?
    public var recipe: Recipe

    public init(name: String? = nil, recipe: Recipe) {
      self.name = name
      self.recipe = recipe
    }
  }

  /// The soup: how it was named, and what form it has.
  public struct Form: Codable, Sendable, Equatable {
    /// A file or a folder.
    public var path: String
    public var format: CheckpointWriter.Format
    public var isFolder: Bool
    /// Largest number of tensor bytes in one file of a folder; nil for the standard.
    public var shardSize: Int?

    /// The same form at another place.
    func destination(_ path: String) -> CheckpointDestination {
      isFolder
        ? CheckpointDestination(folder: path, format: format, shardSize: shardSize)
        : CheckpointDestination(file: path, format: format)
    }
  }

  /// `soup-lock 1`
  public var format: String
  /// Of the program that made the soup.
  public var version: String
  /// ISO 8601, UTC.
  public var created: String
  /// In the order they were mixed; usually one.
  public var stages: [Stage]
  /// Of the random masks; nil if the recipe has none.
  public var seed: Int?
  public var soup: Form
  public var inputs: [Input]
  /// The soup's tensors: one file, or the shards of a folder and their index. Cards and copied files are no part of it.
  public var outputs: [File]

  public static let currentFormat = "soup-lock 1"

  public init(
    stages: [Stage], soup: Form, inputs: [Input], outputs: [File],
    version: String = SoupVersion.current, created: String = Date.now.formatted(.iso8601)
  ) {
    format = Self.currentFormat
    self.version = version
    self.created = created
    self.stages = stages
    self.soup = soup
    self.inputs = inputs
    self.outputs = outputs
    seed = stages.lazy.compactMap { $0.recipe.parameters?["seed"]?.value(for: "", at: 0) }.last
      .flatMap { Int(exactly: $0) }
  }

  /// Where the lock of a soup belongs.
  /// - Parameter folder: whether the soup is a folder; nil to look.
  public static func path(for soup: String, folder: Bool? = nil) -> String {
    if folder ?? isFolder(soup) { return (soup.hasSuffix("/") ? soup : soup + "/") + "soup.lock" }
    let ending = ".safetensors"
    return (soup.hasSuffix(ending) && soup.count > ending.count ? String(soup.dropLast(ending.count)) : soup) + ".lock"
  }

  /// Reads a lock, or that of a soup.
  /// - Throws: `LockError` if there is none, or it is damaged.
  public static func read(_ path: String) throws -> (lock: SoupLock, path: String) {
    var path = path
    var data = isFolder(path) ? nil : FileManager.default.contents(atPath: path)
    if data.map({ $0.first != UInt8(ascii: "{") }) ?? true {
      let beside = Self.path(for: path)
      guard let found = FileManager.default.contents(atPath: beside) else {
        throw LockError(
          .notFound, path,
          data == nil && !isFolder(path) ? "does not exist" : "has no lock: '\(beside)' does not exist",
          advice: "'soup mix' writes it unless told --no-lock")
      }
      (data, path) = (found, beside)
    }
    do {
      let lock = try JSONDecoder().decode(SoupLock.self, from: data ?? Data())
      guard lock.format == currentFormat else {
        throw LockError(
          .damaged, path, "is of format '\(lock.format)'; this program reads '\(currentFormat)'",
          advice: "use the version that made it: \(lock.version)")
      }
      return (lock, path)
    } catch let error as DecodingError {
      throw LockError(.damaged, path, "is not a lock: \(Self.explain(error))")
    }
  }

  /// Writes the lock; it appears only when complete.
  public func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let data = try encoder.encode(self) + Data("\n".utf8)
    let file = try AtomicFile(path: path, size: data.count)
    try data.withUnsafeBytes { try file.write($0, at: 0) }
    try file.commit()
  }

  static func isFolder(_ path: String) -> Bool {
    var isDirectory = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory
  }

  private static func explain(_ error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, _): "it has no '\(key.stringValue)'"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      "'\(context.codingPath.map(\.stringValue).joined(separator: "."))' is not what it should be"
    default: "it is not JSON of that form"
    }
  }
}

/// Paths in a lock.
struct LockPaths {
  /// Absolute, with a slash at the end.
  let folder: String

  init(lock path: String) {
    let whole = Self.absolute(path)
    folder = whole.lastIndex(of: "/").map { String(whole[...$0]) } ?? "/"
  }

  /// As it is stored.
  func stored(_ path: String) -> String {
    let whole = Self.absolute(path)
    return whole.hasPrefix(folder) ? String(whole.dropFirst(folder.count)) : whole
  }

  /// Where it is now.
  func located(_ path: String) -> String { path.hasPrefix("/") ? path : folder + path }

  /// Symbolic links are not followed: the lock then names what the user named.
  static func absolute(_ path: String) -> String {
    let whole = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    var parts: [Substring] = []
    for part in whole.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return "/" + parts.joined(separator: "/")
  }
}

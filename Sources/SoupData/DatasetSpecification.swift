import Foundation
import SoupTensors

/// A data set by name, with or without its folder: `fashion-mnist`, `cifar10:/data/cifar-10-batches-bin`, `idx:/my/digits`.
///
/// Without a folder these are tried in turn: `$SOUP_DATA/<name>`, `./data/<name>`, `/usr/local/share/datasets/<name>`,
/// `/usr/share/datasets/<name>` (where Debian's `dataset-fashion-mnist` puts it).
public struct DatasetSpecification: Sendable, Hashable, CustomStringConvertible {
  public enum Kind: String, Codable, Sendable, Hashable, CaseIterable {
    case fashionMNIST = "fashion-mnist"
    case mnist
    /// IDX files under MNIST's file names with any image size and as many classes as their largest label plus one.
    case idx
    case cifar10
    case cifar100
    /// CIFAR-100's pictures with its 20 superclasses.
    case cifar100Coarse = "cifar100-coarse"
  }

  public enum Part: String, Codable, Sendable, Hashable, CaseIterable {
    case train
    case test
  }

  public let kind: Kind
  /// The folder, if it was named.
  public let path: String?

  public init(_ kind: Kind, path: String? = nil) {
    self.kind = kind
    self.path = path
  }

  /// - Throws: `DataError.unknownDataset`, listing the names there are.
  public init(parsing text: String) throws(DataError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let name = parts.first.map(String.init) ?? ""
    guard let kind = Kind(rawValue: name.lowercased().replacing("_", with: "-")) else {
      throw DataError(
        .unknownDataset, "no data set is called '\(name)'",
        expected: Kind.allCases.map(\.rawValue).joined(separator: ", "),
        advice: "A folder may follow the name: cifar10:/path/to/folder.")
    }
    let path = parts.count == 2 ? String(parts[1]) : nil
    if path == "" || (kind == .idx && path == nil) {
      throw DataError(.unknownDataset, "'\(text)' names no folder", expected: "\(kind.rawValue):/path/to/folder")
    }
    self.init(kind, path: path)
  }

  /// What `init(parsing:)` reads back.
  public var description: String { path.map { "\(kind.rawValue):\($0)" } ?? kind.rawValue }

  /// Reads one part into memory and checks it.
  /// - Parameters:
  ///   - environment: where `SOUP_DATA` and `HOME` are looked up.
  ///   - currentDirectory: what relative folders are relative to.
  /// - Throws: `DataError`, with how to get the files when they are missing or damaged.
  public func load(
    _ part: Part, environment: [String: String] = ProcessInfo.processInfo.environment,
    currentDirectory: String = FileManager.default.currentDirectoryPath
  ) throws -> MemoryDataset {
    try load(part, environment: environment, currentDirectory: currentDirectory, cifarImagesPerFile: nil)
  }

  /// As above, also for CIFAR files of another length than the official ones.
  package func load(
    _ part: Part, environment: [String: String], currentDirectory: String, cifarImagesPerFile: Int?
  ) throws -> MemoryDataset {
    do {
      let files = try DatasetFiles(
        kind: kind, candidates: candidates(environment: environment, currentDirectory: currentDirectory))
      return try files.load(part, cifarImagesPerFile: cifarImagesPerFile)
    } catch let error as DataError {
      throw error.advising(advice)
    }
  }

  /// Folders that are tried when none was named, in order.
  public func candidates(environment: [String: String], currentDirectory: String) -> [String] {
    if let path {
      if path.hasPrefix("~/"), let home = environment["HOME"] { return [home + path.dropFirst()] }
      return [path.hasPrefix("/") ? path : currentDirectory + "/" + path]
    }
    // The superclasses are in the same files.
    let name = kind == .cifar100Coarse ? Kind.cifar100.rawValue : kind.rawValue
    let roots = [
      environment["SOUP_DATA"], currentDirectory + "/data", "/usr/local/share/datasets", "/usr/share/datasets",
    ]
    return roots.compactMap { $0 }.filter { !$0.isEmpty }.map { "\($0)/\(name)" }
  }

  /// How to get the files.
  private var advice: String {
    let place = path == nil ? "data/\(kind == .cifar100Coarse ? "cifar100" : kind.rawValue)" : "that folder"
    switch kind {
    case .fashionMNIST:
      return "`make setup` fetches it; so does `apt-get install dataset-fashion-mnist`; or put the four .gz files of "
        + "https://github.com/zalandoresearch/fashion-mnist into \(place)"
    case .mnist:
      return "Put the four .gz files of https://ossci-datasets.s3.amazonaws.com/mnist/ into \(place)"
    case .idx:
      return
        "The folder needs train-images-idx3-ubyte, train-labels-idx1-ubyte and the same two under t10k, plain or .gz"
    case .cifar10:
      return "Unpack https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz (the binary version) into \(place)"
    case .cifar100, .cifar100Coarse:
      return "Unpack https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz (the binary version) into \(place)"
    }
  }
}

extension DatasetSpecification: Codable {
  public init(from decoder: any Decoder) throws {
    try self.init(parsing: decoder.singleValueContainer().decode(String.self))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

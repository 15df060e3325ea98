import Foundation
import SoupTensors

/// A data set by name, with or without its folder: `fashion-mnist`, `cifar10:/data/cifar-10-batches-bin`, `idx:/my/digits`,
/// `imagefolder:/my/photos`, `wds:/shards/{000..009}.tar`, `cifar10-c:/data/CIFAR-10-C?corruption=fog&severity=3`.
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
    /// NumPy arrays in an `.npz` file or a folder.
    case arrays
    case cifar10C = "cifar10-c"
    case cifar100C = "cifar100-c"
    /// A folder of images for each class.
    case imageFolder = "imagefolder"
    /// WebDataset's tar archives.
    case wds
    /// A list of paths and labels.
    case manifest
    case imageNet = "imagenet"
    /// ImageNet-C's layout: corruption, severity, class.
    case imageNetC = "imagenet-c"
    case imageNetV2 = "imagenet-v2"
    case imageNetR = "imagenet-r"
    case imageNetSketch = "imagenet-sketch"
    case imageNetA = "imagenet-a"
    case objectNet = "objectnet"

    /// Whether the images are files of any size, decoded when they are asked for.
    public var isEncoded: Bool {
      switch self {
      case .fashionMNIST, .mnist, .idx, .cifar10, .cifar100, .cifar100Coarse, .arrays, .cifar10C, .cifar100C: false
      default: true
      }
    }

    /// False for benchmarks, which consist of test images.
    public var hasTrainingImages: Bool {
      switch self {
      case .cifar10C, .cifar100C, .imageNetC, .imageNetV2, .imageNetR, .imageNetSketch, .imageNetA, .objectNet: false
      default: true
      }
    }
  }

  public enum Part: String, Codable, Sendable, Hashable, CaseIterable {
    case train
    case test
  }

  public let kind: Kind
  /// The folder, if it was named.
  public let path: String?
  /// What follows the folder: `?corruption=fog&severity=3`.
  public let options: [String: String]

  public init(_ kind: Kind, path: String? = nil, options: [String: String] = [:]) {
    self.kind = kind
    self.path = path
    self.options = options
  }

  /// - Throws: `DataError.unknownDataset`, listing the names there are.
  public init(parsing text: String) throws(DataError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let name = parts.first.map(String.init) ?? ""
    guard
      let kind = Kind(
        rawValue: String(name.prefix { $0 != "?" }).lowercased().replacing("_", with: "-"))
    else {
      throw DataError(
        .unknownDataset, "no data set is called '\(name)'",
        expected: Kind.allCases.map(\.rawValue).joined(separator: ", "),
        advice: "A folder may follow the name: cifar10:/path/to/folder.")
    }
    var path = parts.count == 2 ? String(parts[1]) : nil
    var options: [String: String] = [:]
    // Without a folder the options follow the name.
    let nameAndOptions = name.split(separator: "?", maxSplits: 1).map(String.init)
    if path == nil, nameAndOptions.count == 2 {
      options = try DatasetOptions.parse(nameAndOptions[1], for: kind)
    } else if let whole = path, let mark = whole.lastIndex(of: "?") {
      path = String(whole[..<mark])
      options = try DatasetOptions.parse(String(whole[whole.index(after: mark)...]), for: kind)
    }
    if path == "" || (path == nil && [.idx, .arrays, .imageFolder, .wds, .manifest].contains(kind)) {
      throw DataError(.unknownDataset, "'\(text)' names no folder", expected: "\(kind.rawValue):/path/to/folder")
    }
    self.init(kind, path: path, options: options)
  }

  /// The same set with another policy for images that cannot be decoded.
  /// - Throws: `DataError.invalidRequest` for a set that is not of image files.
  public func onBadImage(_ policy: BadImagePolicy) throws(DataError) -> DatasetSpecification {
    guard kind.isEncoded else {
      throw DataError(
        .invalidRequest, "\(kind.rawValue) is not a set of image files, so no image of it is bad",
        expected: "imagefolder, wds, manifest, imagenet, …", advice: "Leave out --on-bad-image")
    }
    return DatasetSpecification(
      kind, path: path, options: options.merging(["bad": policy.rawValue]) { _, new in new })
  }

  /// The same set of image files with another view for training, in place of its option `?view=`.
  /// - Parameters:
  ///   - view: nil leaves the view as it is.
  ///   - globalViews: how many of `lejepa`'s views show much of the image; nil leaves that as it is.
  public func with(_ view: TrainingView?, globalViews: Int? = nil) -> DatasetSpecification {
    var options = options
    if let view { options["view"] = view.rawValue }
    if let globalViews { options["global-views"] = String(globalViews) }
    return DatasetSpecification(kind, path: path, options: options)
  }

  /// What `init(parsing:)` reads back.
  public var description: String {
    let query = options.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "&")
    return (path.map { "\(kind.rawValue):\($0)" } ?? kind.rawValue) + (query.isEmpty ? "" : "?" + query)
  }

  /// Opens one part: small sets are read into memory, files of images are decoded as they are asked for.
  /// - Parameters:
  ///   - threads: for the check that `?bad=skip` asks for.
  /// - Throws: `DataError`, with how to get the files when they are missing or damaged.
  public func open(
    _ part: Part, threads: Int = 1, environment: [String: String] = ProcessInfo.processInfo.environment,
    currentDirectory: String = FileManager.default.currentDirectoryPath
  ) throws -> any ImageDataset {
    guard kind.isEncoded else {
      return try load(part, environment: environment, currentDirectory: currentDirectory)
    }
    let candidates = candidates(environment: environment, currentDirectory: currentDirectory)
    do {
      return try EncodedSet(self, part: part, candidates: candidates).dataset(threads: threads)
    } catch let error as DataError {
      throw error.advising(advice)
    }
  }

  /// The images of one part as files, before they are decoded; nil for sets that are kept in memory.
  public func encoded(
    _ part: Part, environment: [String: String] = ProcessInfo.processInfo.environment,
    currentDirectory: String = FileManager.default.currentDirectoryPath
  ) throws -> (any EncodedImages)? {
    guard kind.isEncoded else { return nil }
    let candidates = candidates(environment: environment, currentDirectory: currentDirectory)
    do throws(DataError) {
      return try EncodedSet(self, part: part, candidates: candidates).images
    } catch {
      throw error.advising(advice)
    }
  }

  /// Reads one part into memory and checks it. Sets of image files are not for memory: `open` them.
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
    guard !kind.isEncoded else {
      throw DataError(.invalidRequest, "\(self) is not read into memory", advice: "Open it instead")
    }
    do {
      let files = try DatasetFiles(
        kind: kind, candidates: candidates(environment: environment, currentDirectory: currentDirectory))
      return try files.load(part, options: options, cifarImagesPerFile: cifarImagesPerFile)
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
    case .arrays: return "An .npz file or a folder of .npy files: images uint8 [N, H, W, C], labels [N]"
    case .imageFolder:
      return "The folder holds one folder of .jpg or .png images for each class, or train/ and val/ of that"
    case .wds: return "Name archives or their folder: wds:/data/shards or wds:/data/{000..127}.tar"
    case .manifest: return "A file of lines path,label or {\"path\": …, \"label\": …}"
    default:
      guard let known = KnownDataset.named(kind.rawValue) else { return "Put its files into \(place)" }
      return "\(known.howToGet) Put it into \(place), or name its folder: \(kind.rawValue):/path"
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

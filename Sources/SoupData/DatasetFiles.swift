import Foundation
import SoupTensors

/// Finds the files of a data set in its folder and reads them.
struct DatasetFiles {
  private let kind: DatasetSpecification.Kind
  private let folder: String

  /// Takes the first of `candidates` that is a folder.
  init(kind: DatasetSpecification.Kind, candidates: [String]) throws(DataError) {
    let isThere = { (path: String) in Self.isFolder(path) || kind == .arrays && path.hasSuffix(".npz") }
    guard let found = candidates.first(where: isThere) else {
      throw DataError(
        .notFound, "the folder of \(kind.rawValue) was not found",
        expected: candidates.count == 1 ? candidates[0] : "one of " + candidates.joined(separator: ", "))
    }
    self.kind = kind
    // CIFAR's archives unpack to a folder of their own.
    let inner: String? =
      switch kind {
      case .cifar10: "cifar-10-batches-bin"
      case .cifar100, .cifar100Coarse: "cifar-100-binary"
      case .cifar10C: "CIFAR-10-C"
      case .cifar100C: "CIFAR-100-C"
      default: nil
      }
    folder = inner.map { found + "/" + $0 }.flatMap { Self.isFolder($0) ? $0 : nil } ?? found
  }

  func load(
    _ part: DatasetSpecification.Part, options: [String: String], cifarImagesPerFile: Int?
  ) throws -> MemoryDataset {
    switch kind {
    case .fashionMNIST, .mnist, .idx: return try loadIDX(part)
    case .arrays:
      return try ArrayImages.read(folder, part: part, images: options["images"], labels: options["labels"])
    case .cifar10C, .cifar100C:
      guard part == .test else {
        throw DataError(.invalidRequest, file: folder, "\(kind.rawValue) has no training images")
      }
      let isTen = kind == .cifar10C
      return try CorruptedCIFAR.read(
        folder, corruption: options["corruption"] ?? "", severity: options["severity"].flatMap { Int($0) } ?? 0,
        classes: isTen ? ClassNames.cifar10 : ClassNames.cifar100, normalization: isTen ? .cifar10 : .cifar100)
    default: return try loadCIFAR(part, cifarImagesPerFile)
    }
  }

  private func loadIDX(_ part: DatasetSpecification.Part) throws -> MemoryDataset {
    let prefix = part == .train ? "train" : "t10k"
    let imagePath = try firstExisting("\(prefix)-images", "idx3-ubyte")
    let labelPath = try firstExisting("\(prefix)-labels", "idx1-ubyte")
    let images = try IDX.read(imagePath, rank: 3)
    let labels = try IDX.read(labelPath, rank: 1)
    guard images.shape[0] == labels.shape[0] else {
      throw DataError(
        .countMismatch, file: labelPath, "has another number of labels than there are images in \(imagePath)",
        expected: "\(images.shape[0])", found: "\(labels.shape[0])")
    }
    guard images.count > 0 else { throw DataError(.damaged, file: imagePath, "contains no image") }
    let values = labels.withUnsafeBytes { $0.map { Int($0) } }
    let (names, normalization) = try properties(part, labels: values)
    if let bad = values.firstIndex(where: { $0 >= names.count }) {
      throw DataError(
        .labelOutOfRange, file: labelPath, "image \(bad) has an impossible label", expected: "0 to \(names.count - 1)",
        found: "\(values[bad])")
    }
    return try MemoryDataset(
      name: "\(kind.rawValue) \(part.rawValue)", classNames: names, channels: 1, height: images.shape[1],
      width: images.shape[2], pixels: images.storage, labels: values, normalization: normalization)
  }

  /// Class names and normalization. Of an unknown data set the training part decides, for its test part too.
  private func properties(
    _ part: DatasetSpecification.Part, labels: [Int]
  ) throws -> (names: [String], normalization: Normalization?) {
    switch (kind, part) {
    case (.fashionMNIST, _): return (ClassNames.fashionMNIST, .fashionMNIST)
    case (.mnist, _): return (ClassNames.digits, .mnist)
    case (_, .train): return ((0...(labels.max() ?? 0)).map(String.init), nil)
    case (_, .test):
      let train = try loadIDX(.train)
      return (train.classNames, train.normalization)
    }
  }

  /// The files are called `train-images-idx3-ubyte` or `train-images.idx3-ubyte`, with or without `.gz`.
  private func firstExisting(_ stem: String, _ kind: String) throws(DataError) -> String {
    let names = ["-", "."].flatMap { [stem + $0 + kind, stem + $0 + kind + ".gz"] }
    guard let name = names.first(where: { FileManager.default.fileExists(atPath: folder + "/" + $0) }) else {
      throw DataError(
        .notFound, file: folder, "a file is missing", expected: names[0] + " or " + names[1],
        found: listing())
    }
    return folder + "/" + name
  }

  private func loadCIFAR(_ part: DatasetSpecification.Part, _ imagesPerFile: Int?) throws -> MemoryDataset {
    let layout: CIFAR.Layout
    let files: [String]
    let names: [String]
    switch kind {
    case .cifar10:
      layout = .cifar10
      files = part == .train ? (1...5).map { "data_batch_\($0).bin" } : ["test_batch.bin"]
      names = try classNames(folder + "/batches.meta.txt") ?? ClassNames.cifar10
    case .cifar100Coarse:
      layout = .cifar100Coarse
      files = [part == .train ? "train.bin" : "test.bin"]
      names = try classNames(folder + "/coarse_label_names.txt") ?? ClassNames.cifar100Coarse
    default:
      layout = .cifar100
      files = [part == .train ? "train.bin" : "test.bin"]
      names = try classNames(folder + "/fine_label_names.txt") ?? ClassNames.cifar100
    }
    guard names.count == layout.classCount else {
      throw DataError(
        .damaged, file: folder, "the list of class names has the wrong length", expected: "\(layout.classCount)",
        found: "\(names.count)")
    }
    let missing = files.filter { !FileManager.default.fileExists(atPath: folder + "/" + $0) }
    guard missing.isEmpty else {
      let pickled = FileManager.default.fileExists(atPath: folder + (kind == .cifar10 ? "/data_batch_1" : "/meta"))
      throw DataError(
        .notFound, file: folder, "files are missing", expected: missing.joined(separator: ", "),
        found: pickled ? "the Python version of the data set" : listing())
    }
    let official = kind == .cifar10 || part == .test ? 10_000 : 50_000
    let (pixels, labels) = try CIFAR.read(
      files.map { folder + "/" + $0 }, layout: layout, imagesPerFile: imagesPerFile ?? official)
    return try MemoryDataset(
      name: "\(kind.rawValue) \(part.rawValue)", classNames: names, channels: 3, height: CIFAR.side, width: CIFAR.side,
      pixels: pixels, labels: labels, normalization: kind == .cifar10 ? .cifar10 : .cifar100)
  }

  /// One name per line; nil if there is no such file.
  private func classNames(_ path: String) throws -> [String]? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let file = try InputFile(path)
    guard file.size <= 1 << 16 else {
      throw DataError(.wrongSize, file: path, "is too long for a list of names", found: "\(file.size) bytes")
    }
    let bytes = try [UInt8](unsafeUninitializedCapacity: file.size) { buffer, count in
      count = try file.readFully(into: UnsafeMutableRawBufferPointer(buffer))
    }
    return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
      .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
  }

  private static func isFolder(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }

  private func listing() -> String {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder))?.sorted() ?? []
    return names.isEmpty ? "nothing" : names.prefix(6).joined(separator: ", ") + (names.count > 6 ? ", …" : "")
  }
}

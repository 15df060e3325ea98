import Foundation
import SoupTensors

/// Images and labels from NumPy arrays: `uint8` of `[N, H, W]` or `[N, H, W, C]`, and integers of `[N]` or `[N, 1]`.
enum ArrayImages {
  /// Names under which people save a part's images and labels: MedMNIST's, Keras's, CIFAR-C's.
  private static func pairs(_ part: DatasetSpecification.Part) -> [(images: String, labels: String)] {
    let short = part.rawValue
    return [
      ("\(short)_images", "\(short)_labels"), ("x_\(short)", "y_\(short)"), ("\(short)-images", "\(short)-labels"),
      ("images", "labels"),
    ]
  }

  /// - Parameters:
  ///   - path: an `.npz` file, or a folder of `.npy` files.
  ///   - images: name of the array of images; one of the usual names by default.
  static func read(
    _ path: String, part: DatasetSpecification.Part, images: String?, labels: String?
  ) throws(DataError) -> MemoryDataset {
    let isArchive = path.hasSuffix(".npz")
    let archive = isArchive ? try NumPyFile(path) : nil
    func exists(_ name: String) -> Bool {
      archive.map { $0.names.contains(name) } ?? FileManager.default.fileExists(atPath: "\(path)/\(name).npy")
    }
    var chosen: (images: String, labels: String)?
    if let images { chosen = (images, labels ?? "labels") }
    guard let names = chosen ?? pairs(part).first(where: { exists($0.images) && exists($0.labels) }) else {
      throw DataError(
        .notFound, file: path, "has no images and labels for \(part.rawValue)",
        expected: pairs(part).map { "\($0.images) and \($0.labels)" }.joined(separator: ", or "),
        found: archive.map { $0.names.joined(separator: ", ") },
        advice: "Name them: ?images=NAME&labels=NAME")
    }
    let imageFile: NumPyFile
    let labelFile: NumPyFile
    if let archive {
      (imageFile, labelFile) = (archive, archive)
    } else {
      imageFile = try NumPyFile("\(path)/\(names.images).npy")
      labelFile = try NumPyFile("\(path)/\(names.labels).npy")
    }
    return try dataset(
      name: "arrays \(path) \(part.rawValue)", images: (imageFile, isArchive ? names.images : ""),
      labels: (labelFile, isArchive ? names.labels : ""), rows: nil, classNames: nil, normalization: nil)
  }

  /// - Parameter rows: the part of both arrays wanted.
  static func dataset(
    name: String, images: (file: NumPyFile, name: String), labels: (file: NumPyFile, name: String), rows: Range<Int>?,
    classNames: [String]?, normalization: Normalization?
  ) throws(DataError) -> MemoryDataset {
    let (array, pixels) = try images.file.read(images.name, rows: rows)
    guard array.element == .uint8, array.shape.count == 3 || array.shape.count == 4,
      array.shape.count == 3 || (1...4).contains(array.shape[3])
    else {
      throw DataError(
        .unsupported, file: images.file.path, "has no images", expected: "uint8 of [N, H, W] or [N, H, W, C]",
        found: "\(array.element) of \(array.shape)")
    }
    let (labelArray, labelBytes) = try labels.file.read(labels.name, rows: rows)
    let values = try labelArray.integers(labelBytes.bytes, rows: rows?.count, name: labels.file.path)
    let count = rows?.count ?? array.shape[0]
    guard values.count == count else {
      throw DataError(
        .countMismatch, file: labels.file.path, "has another number of labels than there are images",
        expected: "\(count)", found: "\(values.count)")
    }
    let names = classNames ?? (0...max(0, values.max() ?? 0)).map(String.init)
    return try MemoryDataset(
      name: name, classNames: names, channels: array.shape.count == 4 ? array.shape[3] : 1, height: array.shape[1],
      width: array.shape[2], pixels: pixels, labels: values, normalization: normalization)
  }
}

/// CIFAR-10-C and CIFAR-100-C: for each corruption one array of 50,000 test images, 10,000 for each severity from 1 to 5.
/// - Source: Hendrycks and Dietterich, 2019, arXiv:1903.12261.
enum CorruptedCIFAR {
  static let imagesPerSeverity = 10_000

  static func read(
    _ folder: String, corruption: String, severity: Int, classes: [String], normalization: Normalization
  ) throws(DataError) -> MemoryDataset {
    let path = "\(folder)/\(corruption).npy"
    guard FileManager.default.fileExists(atPath: path) else {
      let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
        .filter { $0.hasSuffix(".npy") && $0 != "labels.npy" }.map { String($0.dropLast(4)) }.sorted()
      throw DataError(
        .notFound, file: path, "there is no such corruption",
        expected: names.isEmpty ? "fog.npy and others, and labels.npy" : names.joined(separator: ", "))
    }
    guard (1...5).contains(severity) else {
      throw DataError(.invalidRequest, "severities are 1 to 5", found: "\(severity)")
    }
    let images = try NumPyFile(path)
    // Sets made by `soup data corrupt` may be of fewer images.
    let count = (try images.header("")?.array.shape.first).map { $0 / 5 } ?? imagesPerSeverity
    let labels = try NumPyFile("\(folder)/labels.npy")
    let labelCount = try labels.header("")?.array.shape.first ?? 0
    let rows = (severity - 1) * count..<severity * count
    // The published labels repeat for each severity; a list for one severity is understood too.
    let labelRows = labelCount == count ? 0..<count : rows
    let (array, pixels) = try images.read("", rows: rows)
    guard array.element == .uint8, array.shape.count == 4, array.shape[3] == 3 else {
      throw DataError(
        .unsupported, file: path, "has no images", expected: "uint8 of [N, H, W, 3]",
        found: "\(array.element) of \(array.shape)")
    }
    let (labelArray, bytes) = try labels.read("", rows: labelRows)
    let values = try labelArray.integers(bytes.bytes, rows: labelRows.count, name: labels.path)
    return try MemoryDataset(
      name: "\(folder.split(separator: "/").last ?? "") \(corruption) \(severity)", classNames: classes, channels: 3,
      height: array.shape[1], width: array.shape[2], pixels: pixels, labels: values, normalization: normalization)
  }
}

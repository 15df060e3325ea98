import Foundation
import SoupCLI
import SoupCheckpoints
import SoupData
import SoupTensors
import Synchronization

/// Corrupted images on disk, in a benchmark's layout, made by several threads. A unit, which is there complete or not at
/// all, is one corruption's array, or one severity's folder.
struct CorruptedFiles {
  let images: any ImageDataset
  let folder: String
  let layout: CorruptionLayout
  let kinds: [CorruptionKind]
  let severities: [Int]
  let table: CorruptionTable
  let seed: UInt64
  let bank: TextureBank?
  let threads: Int?
  let replaces: Bool
  let source: Source
  /// Names of the images' own files without their endings; nil where they have none.
  let names: [String]?

  /// What the images were made from: stored beside them, so that one folder never mixes two.
  struct Source: Codable, Equatable {
    var dataset: String
    var part: String
    var images: Int
    var seed: UInt64
    var table: CorruptionTable
    var bank: String?
    var severities: [Int]?
    var layout: CorruptionLayout?
    var version = SoupVersion.current
  }

  struct Result: Encodable {
    var output: String
    var images = 0
    /// Units that were there before.
    var kept = 0
    var seconds = 0.0
  }

  /// Images in all.
  var total: Int { images.count * kinds.count * severities.count }

  /// - Parameter progress: how many images more, of which corruption.
  func write(_ progress: @escaping @Sendable (Int, String) -> Void) throws -> Result {
    let start = ContinuousClock.now
    var result = Result(output: folder)
    try prepare()
    for kind in kinds {
      switch layout {
      case .arrays: try writeArray(kind, &result, progress)
      case .folders: for severity in severities { try writeFolder(kind, severity, &result, progress) }
      }
    }
    switch layout {
    case .arrays: try writeLabels()
    // Where folders are of some of the classes, this says which labels they mean.
    case .folders: try put([UInt8]((classFolders.joined(separator: "\n") + "\n").utf8), folder + "/classes.txt")
    }
    result.seconds = start.duration(to: .now) / .seconds(1)
    return result
  }

  /// Makes the folder and checks that what is in it came from the same images.
  private func prepare() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var wanted = source
    wanted.layout = layout
    // A folder is one severity; an array holds them all.
    wanted.severities = layout == .arrays ? severities : nil
    let path = folder + "/corruptions.json"
    if let data = FileManager.default.contents(atPath: path), !replaces {
      var found = try? JSONDecoder().decode(Source.self, from: data)
      found?.version = wanted.version
      guard found == wanted else {
        throw DataError(
          .invalidRequest, file: path, "the folder has corrupted images of another kind",
          expected: try Console.json(wanted), found: String(decoding: data, as: UTF8.self),
          advice: "Name another folder, or write over it with --force")
      }
      return
    }
    try put([UInt8](try Console.json(wanted).utf8), path)
  }

  // --- Arrays

  private func writeArray(
    _ kind: CorruptionKind, _ result: inout Result, _ progress: @escaping @Sendable (Int, String) -> Void
  ) throws {
    let path = "\(folder)/\(kind.rawValue).npy"
    let count = images.count * severities.count
    if !replaces, FileManager.default.fileExists(atPath: path) {
      result.kept += 1
      progress(count, kind.rawValue)
      return
    }
    let size = images.pixelCount
    let shape = [count, images.height, images.width] + (images.channels == 1 ? [] : [images.channels])
    let header = Self.header(shape, "|u1")
    let file = try AtomicFile(path: path, size: header.count + count * size)
    try header.withUnsafeBytes { try file.write($0, at: 0) }
    for (position, severity) in severities.enumerated() {
      let corruption = try Corruption(kind, severity: severity, table: table, bank: bank)
      let dataset = try CorruptedDataset(base: images, corruption: corruption, seed: seed)
      // A block of images at a time keeps files' writes large.
      try inBlocks(of: 64) { block in
        var bytes = [UInt8](repeating: 0, count: block.count * size)
        try bytes.withUnsafeMutableBufferPointer { buffer in
          for (place, index) in block.enumerated() {
            try dataset.copyPixels(
              at: index, into: UnsafeMutableBufferPointer(rebasing: buffer[place * size..<(place + 1) * size]))
          }
        }
        let offset = header.count + (position * images.count + block.lowerBound) * size
        try bytes.withUnsafeBytes { try file.write($0, at: offset) }
        progress(block.count, kind.rawValue)
      }
    }
    try file.commit()
    result.images += count
  }

  /// The labels, once for every severity, as 64-bit integers.
  private func writeLabels() throws {
    var bytes = Self.header([images.count * severities.count], "<i8")
    for _ in severities {
      for index in 0..<images.count {
        let label = UInt64(images.label(at: index))
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: label >> (8 * UInt64(shift)))) }
      }
    }
    try put(bytes, folder + "/labels.npy")
  }

  /// NumPy's header, version 1, padded to a multiple of 64 bytes.
  private static func header(_ shape: [Int], _ dtype: String) -> [UInt8] {
    let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var text = "{'descr': '\(dtype)', 'fortran_order': False, 'shape': (\(sizes)), }"
    text += String(repeating: " ", count: 63 - (10 + text.utf8.count) % 64) + "\n"
    return [0x93] + "NUMPY".utf8 + [1, 0, UInt8(text.utf8.count & 255), UInt8(text.utf8.count >> 8)] + text.utf8
  }

  // --- Folders

  private var classFolders: [String] { images.classNames.map { $0.replacing("/", with: "_") } }

  private func writeFolder(
    _ kind: CorruptionKind, _ severity: Int, _ result: inout Result,
    _ progress: @escaping @Sendable (Int, String) -> Void
  ) throws {
    let corruption = try Corruption(kind, severity: severity, table: table, bank: bank)
    let dataset = try CorruptedDataset(base: images, corruption: corruption, seed: seed)
    let path = "\(folder)/\(corruption.folder)"
    let files = FileManager.default
    if !replaces, files.fileExists(atPath: path) {
      result.kept += 1
      progress(images.count, kind.rawValue)
      return
    }
    let unfinished = path + ".unfinished"
    try? files.removeItem(atPath: unfinished)
    let classes = classFolders
    // Of the classes that have images: an empty folder would be a class that was lost.
    for label in Set((0..<images.count).map(images.label(at:))).sorted() {
      let name = classes[label]
      try files.createDirectory(atPath: unfinished + "/" + name, withIntermediateDirectories: true)
    }
    let (width, height, channels) = (images.width, images.height, images.channels)
    try inBlocks(of: 16) { block in
      var pixels = [UInt8](repeating: 0, count: dataset.pixelCount)
      for index in block {
        try pixels.withUnsafeMutableBufferPointer { try dataset.copyPixels(at: index, into: $0) }
        let bytes = try pixels.withUnsafeBufferPointer {
          try corruption.stored($0, width: width, height: height, channels: channels)
        }
        let number = String(repeating: "0", count: max(0, 8 - "\(index)".count)) + "\(index)"
        let name = names?[index] ?? number
        try Data(bytes).write(
          to: URL(fileURLWithPath: "\(unfinished)/\(classes[images.label(at: index)])/\(name).JPEG"))
      }
      progress(block.count, kind.rawValue)
    }
    if files.fileExists(atPath: path) { try files.removeItem(atPath: path) }
    try files.moveItem(atPath: unfinished, toPath: path)
    result.images += images.count
  }

  // --- Both

  private func put(_ bytes: [UInt8], _ path: String) throws {
    let file = try AtomicFile(path: path, size: bytes.count)
    try bytes.withUnsafeBytes { try file.write($0, at: 0) }
    try file.commit()
  }

  /// Runs a body for blocks of image numbers on all threads; the first error ends it.
  private func inBlocks(of size: Int, _ body: @escaping @Sendable (Range<Int>) throws -> Void) throws {
    let count = (images.count + size - 1) / size
    let next = Mutex(0)
    let failure = Mutex<(any Error)?>(nil)
    let workers = min(count, threads ?? ProcessInfo.processInfo.activeProcessorCount)
    let images = images.count
    DispatchQueue.concurrentPerform(iterations: workers) { _ in
      while failure.withLock({ $0 == nil }) {
        let block = next.withLock { value in
          defer { value += 1 }
          return value
        }
        guard block < count else { return }
        do {
          try body(block * size..<min(images, (block + 1) * size))
        } catch {
          failure.withLock { $0 = $0 ?? error }
        }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }
}

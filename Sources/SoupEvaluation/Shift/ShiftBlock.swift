import Dispatch
import SoupData
import SoupTensors
import Synchronization

/// Some of the images under every version, one version after the other, as one data set: a loader's threads corrupt the next
/// version's images while models look at this one's.
///
/// The clean images lie in memory, so that a folder's are decoded once for all versions.
struct ShiftBlock: ImageDataset {
  let name: String
  let classNames: [String]
  let channels: Int
  let height: Int
  let width: Int
  let normalization: Normalization
  private let versions: [ShiftedImages.Version]
  /// Of the block's images in `base`.
  private let positions: [Int]
  private let labels: [Int]
  private let rightClasses: ArraySlice<[Int]>?
  /// nil where every version lies on disk.
  private let pixels: HostStorage?
  private let stored: OpenVersions

  /// Images in the block.
  var imageCount: Int { positions.count }
  var count: Int { versions.count * positions.count }

  /// - Parameter range: of `images.positions`.
  init(_ images: ShiftedImages, _ range: Range<Int>, threads: Int) throws {
    let base = images.base
    name = "\(base.name), \(images.name)"
    classNames = base.classNames
    (channels, height, width) = (base.channels, base.height, base.width)
    normalization = base.normalization
    versions = images.versions
    positions = Array(images.positions[range])
    labels = Array(images.labels[range])
    rightClasses = images.targets?[range]
    stored = OpenVersions(base, positions)
    let isStored = images.versions.allSatisfy { if case .stored = $0.source { true } else { false } }
    pixels = isStored ? nil : try Self.read(positions, of: base, threads: max(1, threads))
  }

  func label(at index: Int) -> Int { labels[index % positions.count] }

  func targets(at index: Int) -> [Int] {
    let image = index % positions.count
    return rightClasses.map { $0[$0.startIndex + image] } ?? [labels[image]]
  }

  /// Which version, and which of the block's images.
  func place(of index: Int) -> (version: Int, image: Int) {
    let (version, image) = index.quotientAndRemainder(dividingBy: positions.count)
    return (version, image)
  }

  func copyPixels(at index: Int, into target: UnsafeMutableBufferPointer<UInt8>) throws {
    let (version, image) = place(of: index)
    let position = positions[image]
    if case .stored(let open) = versions[version].source {
      try stored.images(of: version, open).copyPixels(at: position, into: target)
      return
    }
    let size = pixelCount
    UnsafeMutableRawBufferPointer(target).copyMemory(
      from: UnsafeRawBufferPointer(rebasing: pixels!.bytes[image * size..<(image + 1) * size]))
    if case .corrupted(let corruption, let seed) = versions[version].source {
      try corruption.apply(to: target, height: height, width: width, channels: channels, seed: seed, index: position)
    }
  }

  /// The images' bytes, read by several threads.
  private static func read(_ positions: [Int], of base: any ImageDataset, threads: Int) throws -> HostStorage {
    let size = base.pixelCount
    return try HostStorage(count: positions.count * size) { bytes in
      nonisolated(unsafe) let start = bytes.bindMemory(to: UInt8.self).baseAddress!
      let failure = Mutex<(any Error)?>(nil)
      let share = (positions.count + threads - 1) / threads
      DispatchQueue.concurrentPerform(iterations: threads) { thread in
        for image in min(thread * share, positions.count)..<min((thread + 1) * share, positions.count) {
          if failure.withLock({ $0 != nil }) { return }
          do {
            try base.copyPixels(at: positions[image], into: .init(start: start + image * size, count: size))
          } catch {
            failure.withLock { $0 = $0 ?? error }
          }
        }
      }
      if let error = failure.withLock({ $0 }) { throw error }
    }
  }
}

/// Versions on disk that are being read: the latest few, as threads go from one to the next.
private final class OpenVersions: Sendable {
  private let base: any ImageDataset
  private let positions: [Int]
  private let open = Mutex<[Int: any ImageDataset]>([:])

  init(_ base: any ImageDataset, _ positions: [Int]) {
    self.base = base
    self.positions = positions
  }

  func images(of version: Int, _ read: () throws -> any ImageDataset) throws -> any ImageDataset {
    try open.withLock { open in
      if let known = open[version] { return known }
      let images = try read()
      guard
        images.count == base.count, images.classNames == base.classNames, images.channels == base.channels,
        images.height == base.height, images.width == base.width,
        positions.allSatisfy({ images.label(at: $0) == base.label(at: $0) })
      else {
        throw EvaluationError(
          .shape,
          "\(images.name) and \(base.name) are not of the same images in the same order, so that they cannot be compared "
            + "image by image")
      }
      open = open.filter { $0.key > version - 3 }
      open[version] = images
      return images
    }
  }
}

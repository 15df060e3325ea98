import Dispatch
import SoupData
import SoupTensors
import Synchronization

/// The corrupted versions of some images, one version after the other, made once and kept as bytes: for many models that come one
/// at a time. `ShiftedImages` alone, with all models at hand, needs no such memory.
///
/// The mean accuracy and the mean loss over versions are those over all images, as every version has the same number.
/// - Complexity: `versions · count · channels · height · width` bytes; CIFAR-10-C at one severity takes 584 MB.
public struct ResidentShift: ImageDataset {
  public let name: String
  public let classNames: [String]
  public let channels: Int
  public let height: Int
  public let width: Int
  public let normalization: Normalization
  public let classSubset: [Int]?
  /// Corrupted versions.
  public let versions: Int
  private let block: ShiftBlock
  /// The block's clean images, which are not among these, come first in it.
  private let first: Int
  private let pixels: HostStorage

  /// - Parameters:
  ///   - images: the clean version takes no part.
  ///   - threads: what corrupts images; the bytes do not depend on them.
  ///   - progress: called with how many images are made, from any of the threads, one at a time.
  /// - Throws: `EvaluationError.Code.unsupported` for groups of classes; what reading and corrupting images throws.
  public init(_ images: ShiftedImages, threads: Int = 2, progress: @Sendable (Int) -> Void = { _ in }) throws {
    guard images.groups == nil else {
      throw EvaluationError(.unsupported, "groups of classes are scored by soup evaluate")
    }
    let block = try ShiftBlock(images, 0..<images.count, threads: threads)
    let first = images.versions.prefix(while: \.isClean).count * images.count
    let (size, count) = (block.pixelCount, block.count - first)
    self.block = block
    self.first = first
    versions = images.shifted.count
    name = block.name
    classNames = block.classNames
    (channels, height, width) = (block.channels, block.height, block.width)
    normalization = block.normalization
    classSubset = images.base.classSubset
    pixels = try HostStorage(count: count * size) { bytes in
      nonisolated(unsafe) let start = bytes.bindMemory(to: UInt8.self).baseAddress!
      let state = Mutex<(done: Int, failure: (any Error)?)>((0, nil))
      // Corruptions differ in their cost, so threads take small pieces.
      let piece = 64
      DispatchQueue.concurrentPerform(iterations: (count + piece - 1) / piece) { index in
        let range = index * piece..<min((index + 1) * piece, count)
        if state.withLock({ $0.failure != nil }) { return }
        do {
          for image in range {
            try block.copyPixels(at: first + image, into: .init(start: start + image * size, count: size))
          }
          state.withLock {
            $0.done += range.count
            progress($0.done)
          }
        } catch {
          state.withLock { $0.failure = $0.failure ?? error }
        }
      }
      if let error = state.withLock({ $0.failure }) { throw error }
    }
  }

  public var count: Int { block.count - first }
  public func label(at index: Int) -> Int { block.label(at: first + index) }
  public func targets(at index: Int) -> [Int] { block.targets(at: first + index) }

  public func copyPixels(at index: Int, into target: UnsafeMutableBufferPointer<UInt8>) {
    UnsafeMutableRawBufferPointer(target).copyMemory(
      from: UnsafeRawBufferPointer(rebasing: pixels.bytes[index * pixelCount..<(index + 1) * pixelCount]))
  }
}

import CZlib
import SoupTensors

/// Labelled images of one size, found by index.
///
/// Several threads call `copyPixels` at once.
public protocol ImageDataset: Sendable {
  /// For messages and provenance: `fashion-mnist train`.
  var name: String { get }
  /// Number of images.
  var count: Int { get }
  /// One name per class; a label is an index into it.
  var classNames: [String] { get }
  var channels: Int { get }
  var height: Int { get }
  var width: Int { get }
  /// The mean and standard deviation that people use with these images.
  var normalization: Normalization { get }

  /// The class of image `index`, in `0..<classNames.count`.
  /// - Precondition: `0 <= index < count`.
  func label(at index: Int) -> Int

  /// Writes image `index` as `height × width × channels` bytes (rows from the top, channels together).
  /// - Precondition: `0 <= index < count`, and `pixels` holds exactly `pixelCount` bytes.
  func copyPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws

  /// Whether `copyPixels(at:into:using:)` makes a random view of its own: a random part, other colours.
  var drawsViews: Bool { get }

  /// As above, a view drawn from `generator`; the image itself by default.
  func copyPixels(
    at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>, using generator: CounterGenerator) throws

  /// As above for one of several views of an image, which may be made in another way than the first (0); by default it is not.
  func copyPixels(
    at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>, view: Int, using generator: CounterGenerator) throws

  /// Every class that counts as right for image `index`: its label, by default.
  func targets(at index: Int) -> [Int]

  /// The classes that take part in scores, ascending, when the images show only some of `classNames`; nil for all.
  var classSubset: [Int]? { get }

  /// Tells in a checkpoint's provenance which data was meant: CRC-32 of labels, of pixels too where they are in memory.
  func checksum() -> UInt32
}

extension ImageDataset {
  public var drawsViews: Bool { false }
  public var classSubset: [Int]? { nil }
  public func targets(at index: Int) -> [Int] { [label(at: index)] }

  public func copyPixels(
    at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>, using generator: CounterGenerator
  ) throws {
    try copyPixels(at: index, into: pixels)
  }

  public func copyPixels(
    at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>, view: Int, using generator: CounterGenerator
  ) throws {
    try copyPixels(at: index, into: pixels, using: generator)
  }

  public func checksum() -> UInt32 {
    let labels = (0..<count).map { UInt8(truncatingIfNeeded: label(at: $0)) }
    return labels.withUnsafeBufferPointer { czlib_crc32(0, $0.baseAddress, $0.count) }
  }

  public var classCount: Int { classNames.count }
  /// Bytes in one image.
  public var pixelCount: Int { channels * height * width }

  /// Number of images of each class.
  public var classCounts: [Int] {
    var counts = [Int](repeating: 0, count: classCount)
    for index in 0..<count { counts[label(at: index)] += 1 }
    return counts
  }
}

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
}

extension ImageDataset {
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

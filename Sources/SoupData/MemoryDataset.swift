import CZlib
import SoupTensors

/// A data set whose pixels lie in memory as bytes.
public struct MemoryDataset: ImageDataset {
  public let name: String
  public let classNames: [String]
  public let channels: Int
  public let height: Int
  public let width: Int
  public let normalization: Normalization
  /// `count × height × width × channels` bytes.
  public let pixels: HostStorage
  /// One label per image.
  public let labels: [Int]

  public var count: Int { labels.count }

  /// - Parameters:
  ///   - pixels: image after image, each `height × width × channels` bytes.
  ///   - labels: one per image, in `0..<classNames.count`.
  ///   - normalization: `Normalization.measured` of these pixels when nil.
  /// - Throws: `DataError` if sizes disagree or a label names no class.
  public init(
    name: String, classNames: [String], channels: Int, height: Int, width: Int, pixels: HostStorage, labels: [Int],
    normalization: Normalization? = nil
  ) throws(DataError) {
    guard channels > 0, height > 0, width > 0,
      HostTensor.byteCount(shape: [labels.count, height, width, channels], dtype: .uint8) == pixels.bytes.count
    else {
      throw DataError(
        .wrongSize, "the pixels of \(name) do not fill its images",
        expected: "\(labels.count) images of \(height)×\(width)×\(channels) bytes", found: "\(pixels.bytes.count) bytes"
      )
    }
    if let bad = labels.firstIndex(where: { $0 < 0 || $0 >= classNames.count }) {
      throw DataError(
        .labelOutOfRange, "image \(bad) of \(name) has an impossible label", expected: "0 to \(classNames.count - 1)",
        found: "\(labels[bad])")
    }
    let normalization =
      normalization ?? .measured(pixels: pixels.bytes.bindMemory(to: UInt8.self), channels: channels)
    guard normalization.mean.count == channels else {
      throw DataError(
        .invalidRequest, "the normalization of \(name) has the wrong number of channels", expected: "\(channels)",
        found: "\(normalization.mean.count)")
    }
    self.name = name
    self.classNames = classNames
    self.channels = channels
    self.height = height
    self.width = width
    self.pixels = pixels
    self.labels = labels
    self.normalization = normalization
  }

  public func label(at index: Int) -> Int { labels[index] }

  public func copyPixels(at index: Int, into target: UnsafeMutableBufferPointer<UInt8>) {
    let size = pixelCount
    precondition(index >= 0 && index < count && target.count == size)
    UnsafeMutableRawBufferPointer(target).copyMemory(
      from: UnsafeRawBufferPointer(rebasing: pixels.bytes[index * size..<(index + 1) * size]))
  }

  /// CRC-32 of all pixels, then of all labels as bytes modulo 256: tells in a checkpoint's provenance which data was meant.
  public func checksum() -> UInt32 {
    let pixelBytes = pixels.bytes.bindMemory(to: UInt8.self)
    let crc = czlib_crc32(0, pixelBytes.baseAddress, pixelBytes.count)
    let labelBytes = labels.map { UInt8(truncatingIfNeeded: $0) }
    return labelBytes.withUnsafeBufferPointer { czlib_crc32(crc, $0.baseAddress, $0.count) }
  }
}

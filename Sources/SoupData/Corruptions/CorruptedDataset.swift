/// A data set whose images are corrupted as they are read. Nothing is stored; every reading gives the same bytes.
public struct CorruptedDataset: ImageDataset {
  public let base: any ImageDataset
  public let corruption: Corruption
  public let seed: UInt64

  public var name: String { "\(base.name), \(corruption)" }
  public var count: Int { base.count }
  public var classNames: [String] { base.classNames }
  public var channels: Int { base.channels }
  public var height: Int { base.height }
  public var width: Int { base.width }
  /// That of the clean images: a model is not told that its input is corrupted.
  public var normalization: Normalization { base.normalization }

  /// - Parameter base: images of 1 or 3 channels.
  /// - Throws: `DataError.invalidRequest` for another number of channels.
  public init(base: any ImageDataset, corruption: Corruption, seed: UInt64 = 0) throws(DataError) {
    guard base.channels == 1 || base.channels == 3 else {
      throw DataError(
        .invalidRequest, "\(base.name) cannot be corrupted", expected: "1 or 3 channels", found: "\(base.channels)")
    }
    self.base = base
    self.corruption = corruption
    self.seed = seed
  }

  public func label(at index: Int) -> Int { base.label(at: index) }
  public func targets(at index: Int) -> [Int] { base.targets(at: index) }
  public var classSubset: [Int]? { base.classSubset }
  public func checksum() -> UInt32 { base.checksum() }

  public func copyPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
    try base.copyPixels(at: index, into: pixels)
    try corruption.apply(to: pixels, height: height, width: width, channels: channels, seed: seed, index: index)
  }
}

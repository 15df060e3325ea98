import SoupTensors
import Synchronization

/// Images each under one of several corruptions, the same one whenever it is read; its pixels are those of `CorruptedDataset` and of
/// an evaluation under that corruption with the same seed.
///
/// Small sets are corrupted once and kept in memory, up to half a gigabyte; larger ones whenever they are read.
public struct RandomlyShifted: ImageDataset {
  public let base: any ImageDataset
  public let shift: RandomShift
  /// `[kind][severity]`
  private let corruptions: [[Corruption]]
  private let cache: Cache?

  public var name: String { "\(base.name) under \(shift.suite.rawValue)" }
  public var count: Int { base.count }
  public var classNames: [String] { base.classNames }
  public var channels: Int { base.channels }
  public var height: Int { base.height }
  public var width: Int { base.width }
  /// That of the clean images: a model is not told that its input is corrupted.
  public var normalization: Normalization { base.normalization }
  public var classSubset: [Int]? { base.classSubset }

  private static let memory = 512 << 20

  /// - Parameters:
  ///   - base: images of 1 or 3 channels.
  ///   - bank: pictures for frost, mosaic and stickers; generated ones when nil.
  /// - Throws: `DataError.invalidRequest` for another number of channels.
  public init(_ base: any ImageDataset, _ shift: RandomShift, bank: TextureBank? = nil) throws(DataError) {
    guard base.channels == 1 || base.channels == 3 else {
      throw DataError(
        .invalidRequest, "\(base.name) cannot be corrupted", expected: "1 or 3 channels", found: "\(base.channels)")
    }
    self.base = base
    self.shift = shift
    var corruptions: [[Corruption]] = []
    for kind in shift.corruptions {
      var severities: [Corruption] = []
      for severity in shift.severities { severities.append(try Corruption(kind, severity: severity, bank: bank)) }
      corruptions.append(severities)
    }
    self.corruptions = corruptions
    cache = base.count * base.pixelCount <= Self.memory ? Cache() : nil
  }

  /// What an image comes under.
  public func corruption(at index: Int) -> Corruption {
    let choice = shift.choice(at: index)
    return corruptions[choice.kind][choice.severity]
  }

  public func label(at index: Int) -> Int { base.label(at: index) }
  public func targets(at index: Int) -> [Int] { base.targets(at: index) }
  public func checksum() -> UInt32 { base.checksum() }

  public func copyPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
    if let known = cache?.pixels(at: index) {
      _ = pixels.update(fromContentsOf: known)
      return
    }
    try base.copyPixels(at: index, into: pixels)
    try corruption(at: index).apply(
      to: pixels, height: height, width: width, channels: channels, seed: shift.seed, index: index)
    cache?.keep(Array(pixels), at: index)
  }

  private final class Cache: Sendable {
    private let images = Mutex<[Int: [UInt8]]>([:])

    func pixels(at index: Int) -> [UInt8]? { images.withLock { $0[index] } }
    func keep(_ pixels: [UInt8], at index: Int) { images.withLock { $0[index] = pixels } }
  }
}

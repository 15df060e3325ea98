import SoupTensors

/// Some images of a data set, in a given order; an index may occur more than once.
public struct Subset: ImageDataset {
  public let base: any ImageDataset
  /// Positions in `base`.
  public let indices: [Int]
  public let name: String
  public let channels: Int
  public let height: Int
  public let width: Int

  public var count: Int { indices.count }
  public var classNames: [String] { base.classNames }
  public var normalization: Normalization { base.normalization }

  /// - Throws: `DataError.invalidRequest` if an index is outside `base`.
  public init(of base: any ImageDataset, indices: [Int], name: String? = nil) throws(DataError) {
    if let bad = indices.first(where: { $0 < 0 || $0 >= base.count }) {
      throw DataError(
        .invalidRequest, "a subset of \(base.name) names an image that is not there",
        expected: "0 to \(base.count - 1)", found: "\(bad)")
    }
    self.base = base
    self.indices = indices
    self.name = name ?? base.name
    channels = base.channels
    height = base.height
    width = base.width
  }

  /// The first `count` images, or all if there are fewer.
  public static func first(_ count: Int, of base: any ImageDataset) throws(DataError) -> Subset {
    try Subset(of: base, indices: Array(0..<max(0, min(count, base.count))))
  }

  /// `count` images evenly over all, or all if there are fewer.
  public static func spread(
    _ count: Int, of base: any ImageDataset, name: String? = nil
  ) throws(DataError) -> any ImageDataset {
    guard count < base.count else { return base }
    return try Subset(of: base, indices: (0..<max(0, count)).map { $0 * base.count / count }, name: name)
  }

  public var drawsViews: Bool { base.drawsViews }
  public var classSubset: [Int]? { base.classSubset }

  public func label(at index: Int) -> Int { base.label(at: indices[index]) }
  public func targets(at index: Int) -> [Int] { base.targets(at: indices[index]) }

  public func copyPixels(
    at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>, using generator: CounterGenerator
  ) throws {
    try base.copyPixels(at: indices[index], into: pixels, using: generator)
  }

  public func copyPixels(
    at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>, view: Int, using generator: CounterGenerator
  ) throws {
    try base.copyPixels(at: indices[index], into: pixels, view: view, using: generator)
  }

  public func copyPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
    try base.copyPixels(at: indices[index], into: pixels)
  }
}

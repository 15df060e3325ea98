import SoupTensors

/// Which training images are held out for choosing between models: a random part of fixed size, known by its seed.
///
/// The held-out images are the first `heldOutCount` of `CounterGenerator(seed).derived("split").permutation(count)`; both
/// parts keep the data set's order. The same seed and counts give the same split on every machine. A larger held-out part of
/// the same seed contains the smaller ones. The official test set takes no part.
public struct Split: Codable, Sendable, Hashable {
  /// Images in the whole training set.
  public let count: Int
  public let heldOutCount: Int
  public let seed: UInt64

  /// - Throws: `DataError.invalidRequest` unless `0 <= heldOutCount < count`: something must be left to train on.
  public init(count: Int, heldOutCount: Int, seed: UInt64) throws(DataError) {
    guard heldOutCount >= 0, heldOutCount < count else {
      throw DataError(
        .invalidRequest, "\(heldOutCount) of \(count) training images cannot be held out",
        expected: count > 0 ? "0 to \(count - 1)" : "at least one image", advice: "Hold out fewer images.")
    }
    self.count = count
    self.heldOutCount = heldOutCount
    self.seed = seed
  }

  /// - Parameter heldOutFraction: part of all images, from 0 to below 1; the count is rounded to the nearest integer.
  public init(count: Int, heldOutFraction: Double, seed: UInt64) throws(DataError) {
    guard heldOutFraction >= 0, heldOutFraction < 1 else {
      throw DataError(
        .invalidRequest, "the held-out fraction is out of range", expected: "0 to below 1", found: "\(heldOutFraction)")
    }
    try self.init(count: count, heldOutCount: Int((Double(count) * heldOutFraction).rounded()), seed: seed)
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      count: values.decode(Int.self, forKey: .count), heldOutCount: values.decode(Int.self, forKey: .heldOutCount),
      seed: values.decode(UInt64.self, forKey: .seed))
  }

  /// Positions of the images to train on and of those held out, both ascending. Together they are `0..<count`.
  public func indices() -> (train: [Int], heldOut: [Int]) {
    var generator = CounterGenerator(seed: seed).derived("split")
    var isHeldOut = [Bool](repeating: false, count: count)
    for index in generator.permutation(count).prefix(heldOutCount) { isHeldOut[index] = true }
    return ((0..<count).filter { !isHeldOut[$0] }, (0..<count).filter { isHeldOut[$0] })
  }

  /// Splits a training set of `count` images.
  /// - Throws: `DataError.invalidRequest` if `dataset` has another number of images.
  public func callAsFunction(_ dataset: any ImageDataset) throws(DataError) -> (train: Subset, heldOut: Subset) {
    guard dataset.count == count else {
      throw DataError(
        .invalidRequest, "the split was made for another number of images than \(dataset.name) has",
        expected: "\(count)", found: "\(dataset.count)")
    }
    let (train, heldOut) = indices()
    return (
      try Subset(of: dataset, indices: train, name: dataset.name),
      try Subset(of: dataset, indices: heldOut, name: dataset.name + " held-out")
    )
  }
}

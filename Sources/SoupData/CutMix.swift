import SoupTensors

/// Puts a rectangle of the image in the mirrored position of the batch into each image, and mixes labels by area:
/// `y ← λ·onehot(y) + (1-λ)·flip(onehot(y))`.
///
/// `λ ~ Beta(α, α)` decides the rectangle's sides, `√(1-λ)` of the image's; its centre is uniform, what falls outside is cut off,
/// and λ becomes the part of the image that is its own. One rectangle per batch, as timm's batch mode; a pure function of seed,
/// epoch and batch.
/// - Source: Yun et al., 2019, arXiv:1905.04899; timm, `timm/data/mixup.py`.
public struct CutMix: Codable, Sendable, Hashable {
  /// Both parameters of the Beta distribution; 1 in the paper.
  public let alpha: Double
  public let seed: UInt64

  /// - Throws: `DataError.invalidRequest` unless `alpha` is finite and above zero.
  public init(alpha: Double = 1, seed: UInt64) throws(DataError) {
    guard alpha > 0, alpha.isFinite else {
      throw DataError(
        .invalidRequest, "cutmix's alpha is out of range", expected: "a number above 0", found: "\(alpha)")
    }
    self.alpha = alpha
    self.seed = seed
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(alpha: values.decode(Double.self, forKey: .alpha), seed: values.decode(UInt64.self, forKey: .seed))
  }

  /// The rectangle of a batch, for images of a given size; it may be empty.
  public func rectangle(epoch: Int, batch: Int, width: Int, height: Int) -> Rectangle {
    var generator = CounterGenerator(seed: seed).derived("cutmix")
      .derived(UInt64(truncatingIfNeeded: epoch)).derived(UInt64(truncatingIfNeeded: batch))
    let side = (1 - generator.beta(alpha, alpha)).squareRoot()
    let (rows, columns) = (Int(Double(height) * side), Int(Double(width) * side))
    let (y, x) = (generator.below(height), generator.below(width))
    let (top, left) = (max(0, y - rows / 2), max(0, x - columns / 2))
    return Rectangle(
      left: left, top: top, width: max(0, min(width, x + columns / 2) - left),
      height: max(0, min(height, y + rows / 2) - top))
  }

  /// The batch with the rectangle of its epoch and index.
  /// - Throws: `DataError.labelOutOfRange` if a label is not in `0..<classes`.
  public func callAsFunction(_ batch: Batch, classes: Int) throws -> Batch {
    let shape = batch.images.shape
    return try Self.mix(
      batch, rectangle: rectangle(epoch: batch.epoch, batch: batch.index, width: shape[3], height: shape[2]),
      classes: classes)
  }

  /// The batch with a given rectangle; `targets` are set and `labels` stay those of the images themselves.
  public static func mix(_ batch: Batch, rectangle: Rectangle, classes: Int) throws -> Batch {
    let (count, shape) = (batch.count, batch.images.shape)
    let (channels, height, width) = (shape[1], shape[2], shape[3])
    let labels = batch.labels.withUnsafeBytes { Array($0.bindMemory(to: Int64.self)) }
    if let bad = labels.first(where: { $0 < 0 || $0 >= classes }) {
      throw DataError(.labelOutOfRange, "a label is impossible", expected: "0 to \(classes - 1)", found: "\(bad)")
    }
    let plane = height * width
    let images = try HostTensor(dtype: .float32, shape: shape) { bytes in
      let target = bytes.bindMemory(to: Float.self).baseAddress!
      batch.images.withUnsafeBytes { bytes in
        let source = bytes.bindMemory(to: Float.self).baseAddress!
        target.update(from: source, count: count * channels * plane)
        for image in 0..<count {
          let partner = count - 1 - image
          for channel in 0..<channels {
            for y in rectangle.top..<rectangle.top + rectangle.height {
              let at = y * width + rectangle.left
              (target + (image * channels + channel) * plane + at)
                .update(from: source + (partner * channels + channel) * plane + at, count: rectangle.width)
            }
          }
        }
      }
    }
    let own = 1 - Float(rectangle.width * rectangle.height) / Float(plane)
    let targets = try HostTensor(dtype: .float32, shape: [count, classes]) { bytes in
      let target = bytes.bindMemory(to: Float.self)
      target.update(repeating: 0)
      for image in 0..<count {
        target[image * classes + Int(labels[image])] += own
        target[image * classes + Int(labels[count - 1 - image])] += 1 - own
      }
    }
    return Batch(
      images: images, labels: batch.labels, targets: targets, indices: batch.indices, epoch: batch.epoch,
      index: batch.index)
  }
}

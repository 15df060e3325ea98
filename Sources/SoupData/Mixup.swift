import SoupTensors

/// Mixes each image, and its label, with the one in the mirrored position of the batch:
/// `x ← λ·x + (1-λ)·flip(x)`, `y ← λ·onehot(y) + (1-λ)·flip(onehot(y))`, with one `λ ~ Beta(α, α)` per batch.
///
/// As timm's batch mode: the partner is the batch reversed (the paper takes a random permutation; in a shuffled batch the two
/// are equally random), products and sums in Float32. λ is a pure function of seed, epoch and batch.
/// - Source: Zhang et al., 2017, arXiv:1710.09412; timm, `timm/data/mixup.py`.
public struct Mixup: Codable, Sendable, Hashable {
  /// Both parameters of the Beta distribution; 0.1 to 0.4 for images, as in the paper.
  public let alpha: Double
  public let seed: UInt64

  /// - Throws: `DataError.invalidRequest` unless `alpha` is finite and above zero.
  public init(alpha: Double, seed: UInt64) throws(DataError) {
    guard alpha > 0, alpha.isFinite else {
      throw DataError(.invalidRequest, "mixup's alpha is out of range", expected: "a number above 0", found: "\(alpha)")
    }
    self.alpha = alpha
    self.seed = seed
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(alpha: values.decode(Double.self, forKey: .alpha), seed: values.decode(UInt64.self, forKey: .seed))
  }

  /// The share of the image itself, in 0…1.
  public func lambda(epoch: Int, batch: Int) -> Double {
    var generator = CounterGenerator(seed: seed).derived("mixup")
      .derived(UInt64(truncatingIfNeeded: epoch)).derived(UInt64(truncatingIfNeeded: batch))
    return generator.beta(alpha, alpha)
  }

  /// The batch mixed with the λ of its epoch and index.
  public func callAsFunction(_ batch: Batch, classes: Int) throws -> Batch {
    try Self.mix(batch, lambda: lambda(epoch: batch.epoch, batch: batch.index), classes: classes)
  }

  /// The batch mixed with a given λ; `targets` are set and `labels` stay those of the images themselves.
  /// - Throws: `DataError.labelOutOfRange` if a label is not in `0..<classes`.
  public static func mix(_ batch: Batch, lambda: Double, classes: Int) throws -> Batch {
    let own = Float(lambda)
    let other = Float(1 - lambda)
    let count = batch.count
    let labels = batch.labels.withUnsafeBytes { Array($0.bindMemory(to: Int64.self)) }
    if let bad = labels.first(where: { $0 < 0 || $0 >= classes }) {
      throw DataError(
        .labelOutOfRange, "a label is impossible", expected: "0 to \(classes - 1)", found: "\(bad)")
    }
    let size = count > 0 ? batch.images.count / count : 0
    let images = try HostTensor(dtype: .float32, shape: batch.images.shape) { bytes in
      let target = bytes.bindMemory(to: Float.self)
      batch.images.withUnsafeBytes { bytes in
        let source = bytes.bindMemory(to: Float.self)
        for image in 0..<count {
          let a = image * size
          let b = (count - 1 - image) * size
          for i in 0..<size { target[a + i] = source[a + i] * own + source[b + i] * other }
        }
      }
    }
    let targets = try HostTensor(dtype: .float32, shape: [count, classes]) { bytes in
      let target = bytes.bindMemory(to: Float.self)
      target.update(repeating: 0)
      for image in 0..<count {
        target[image * classes + Int(labels[image])] += own
        target[image * classes + Int(labels[count - 1 - image])] += other
      }
    }
    return Batch(
      images: images, labels: batch.labels, targets: targets, indices: batch.indices, epoch: batch.epoch,
      index: batch.index)
  }
}

import SoupTensors

/// Cuts a data set into batches, in a fresh random order each epoch, prepared by background threads.
///
/// ```swift
/// let loader = try DataLoader(train, batchSize: 128, shuffleSeed: 7, augmentation: [.crop(padding: 2), .flip()])
/// for epoch in 0..<10 {
///   let batches = loader.batches(epoch: epoch)
///   while let batch = try batches.next() { … }
/// }
/// ```
///
/// Every batch is a pure function of the data set, the seeds, the epoch and its index: the bytes are the same whatever the
/// number of threads, and `batches(epoch:startingAt:)` takes up an epoch anywhere without preparing what came before.
///
/// The order of epoch `e` is `CounterGenerator(seed: shuffleSeed).derived("order").derived(e).permutation(count)`; image `i`
/// is augmented from `g = CounterGenerator(seed: augmentationSeed).derived("augmentation").derived(e).derived(i)`, further views
/// from `g.derived("view").derived(v)`; a data set that draws its own views gets `.derived("image")` of that.
public struct DataLoader: Sendable {
  public let dataset: any ImageDataset
  public let batchSize: Int
  /// nil keeps the data set's order.
  public let shuffleSeed: UInt64?
  public let augmentation: [Augmentation]
  public let augmentationSeed: UInt64
  public let normalization: Normalization
  public let mixup: Mixup?
  public let cutmix: CutMix?
  /// Independent random views of each image in a batch.
  public let views: Int
  /// Whether a last batch that is not full is left out.
  public let dropLast: Bool
  /// Background threads; 0 prepares each batch when it is asked for.
  public let threads: Int
  /// How many finished batches may wait.
  public let prefetch: Int

  private let drawsViews: Bool
  private let renderer: ImageRenderer
  private let buffers: BufferPool

  /// - Parameters:
  ///   - shuffleSeed: nil keeps the data set's order, as evaluation does.
  ///   - augmentation: none by default.
  ///   - augmentationSeed: `shuffleSeed` by default; one of the two is needed to augment.
  ///   - normalization: the data set's own by default.
  ///   - mixup: mixes every batch, in the background too.
  ///   - views: more than one needs a seed; the first is `Batch.images`, the rest `Batch.otherViews`.
  ///   - cutmix: instead of mixup.
  ///   - threads: one prepares about a million images of 28×28 a second; more help with larger images only.
  /// - Throws: `DataError.invalidRequest` for sizes below 1 (threads: 0), impossible augmentation, or a missing seed.
  public init(
    _ dataset: any ImageDataset, batchSize: Int, shuffleSeed: UInt64? = nil, augmentation: [Augmentation] = [],
    augmentationSeed: UInt64? = nil, normalization: Normalization? = nil, mixup: Mixup? = nil, dropLast: Bool = false,
    threads: Int = 1, prefetch: Int = 4, views: Int = 1, cutmix: CutMix? = nil
  ) throws(DataError) {
    for (name, value, range) in [
      ("batch size", batchSize, 1...1 << 24), ("number of loader threads", threads, 0...256),
      ("number of prefetched batches", prefetch, 1...4096), ("number of views", views, 1...64),
    ] where !range.contains(value) {
      throw DataError(
        .invalidRequest, "the \(name) is out of range", expected: "\(range.lowerBound) to \(range.upperBound)",
        found: "\(value)")
    }
    guard (augmentation.isEmpty && views == 1) || shuffleSeed != nil || augmentationSeed != nil else {
      throw DataError(
        .invalidRequest, "random augmentation needs a seed", advice: "Give augmentationSeed or shuffleSeed")
    }
    guard mixup == nil || cutmix == nil, views == 1 || mixup == nil && cutmix == nil else {
      throw DataError(.invalidRequest, "mixup, cutmix and several views do not go together")
    }
    // A data set that draws views does so only where a seed says which.
    drawsViews = dataset.drawsViews && (shuffleSeed != nil || augmentationSeed != nil)
    self.dataset = dataset
    self.batchSize = batchSize
    self.shuffleSeed = shuffleSeed
    self.augmentation = augmentation
    self.augmentationSeed = augmentationSeed ?? shuffleSeed ?? 0
    self.normalization = normalization ?? dataset.normalization
    self.mixup = mixup
    self.cutmix = cutmix
    self.views = views
    self.dropLast = dropLast
    self.threads = threads
    self.prefetch = prefetch
    renderer = try ImageRenderer(
      channels: dataset.channels, height: dataset.height, width: dataset.width, normalization: self.normalization,
      augmentation: augmentation)
    buffers = BufferPool(
      byteCount: min(batchSize, max(dataset.count, 1)) * dataset.pixelCount * DType.float32.size,
      capacity: (prefetch + threads + 2) * views)
  }

  /// Batches in an epoch.
  public var batchCount: Int {
    dropLast ? dataset.count / batchSize : (dataset.count + batchSize - 1) / batchSize
  }

  /// Images in an epoch.
  public var imageCount: Int { dropLast ? batchCount * batchSize : dataset.count }

  /// The batches of an epoch, from batch `start` on. Threads begin at once and end with the returned object.
  /// - Parameters:
  ///   - epoch: counts from 0; each has its own order and augmentation.
  ///   - start: 0 for a whole epoch; `batchCount` gives none. Numbers outside `0...batchCount` and negative epochs make the
  ///     first `next()` throw.
  public func batches(epoch: Int, startingAt start: Int = 0) -> BatchSequence {
    guard epoch >= 0, start >= 0, start <= batchCount else {
      let error = DataError(
        .invalidRequest, "epoch \(epoch) has no batch \(start) of \(dataset.name)",
        expected: "an epoch from 0, a batch from 0 to \(batchCount)")
      return BatchSequence(range: 0..<1, threads: 0, prefetch: 1) { _, _ in throw error }
    }
    let order: [Int]?
    if let shuffleSeed {
      var generator = CounterGenerator(seed: shuffleSeed).derived("order").derived(UInt64(epoch))
      order = generator.permutation(dataset.count)
    } else {
      order = nil
    }
    let noise =
      augmentation.isEmpty && !drawsViews && views == 1
      ? nil : CounterGenerator(seed: augmentationSeed).derived("augmentation").derived(UInt64(epoch))
    return BatchSequence(range: start..<batchCount, threads: threads, prefetch: prefetch) { index, scratch in
      let positions = index * batchSize..<min((index + 1) * batchSize, dataset.count)
      let indices = order.map { Array($0[positions]) } ?? Array(positions)
      let batch = try makeBatch(indices, epoch: epoch, index: index, noise: noise, scratch: scratch)
      return try mixup?(batch, classes: dataset.classCount) ?? cutmix?(batch, classes: dataset.classCount) ?? batch
    }
  }

  private func makeBatch(
    _ indices: [Int], epoch: Int, index: Int, noise: CounterGenerator?, scratch: Scratch
  ) throws -> Batch {
    let images = try (0..<views).map { try makeImages(indices, view: $0, noise: noise, scratch: scratch) }
    return Batch(
      images: images[0],
      labels: try HostTensor(integers: indices.map { Int64(dataset.label(at: $0)) }, shape: [indices.count]),
      indices: indices, epoch: epoch, index: index, otherViews: Array(images.dropFirst()))
  }

  private func makeImages(
    _ indices: [Int], view: Int, noise: CounterGenerator?, scratch: Scratch
  ) throws -> HostTensor {
    let pixels = scratch.pixels(dataset.pixelCount)
    let columns = scratch.columns(dataset.width)
    let storage = try buffers.storage { bytes in
      var target = bytes.bindMemory(to: Float.self).baseAddress!
      for index in indices {
        var generator = noise?.derived(UInt64(index))
        if view > 0 { generator = generator?.derived("view").derived(UInt64(view)) }
        if drawsViews, let generator {
          try dataset.copyPixels(at: index, into: pixels, view: view, using: generator.derived("image"))
        } else {
          try dataset.copyPixels(at: index, into: pixels)
        }
        renderer.render(pixels.baseAddress!, into: target, columns: columns.baseAddress!, generator: generator)
        target += dataset.pixelCount
      }
    }
    return try HostTensor(
      dtype: .float32, shape: [indices.count, dataset.channels, dataset.height, dataset.width], storage: storage)
  }
}

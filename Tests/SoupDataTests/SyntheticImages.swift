import SoupData
import SoupTensors

/// Images from a function, for tests; a class, so that a test can see when the last thread lets go of it.
final class SyntheticImages: ImageDataset {
  let name = "synthetic"
  let count: Int
  let classNames = ["a", "b", "c"]
  let channels: Int
  let height: Int
  let width: Int
  let normalization: Normalization
  private let pixel: @Sendable (_ image: Int, _ offset: Int) throws -> UInt8

  /// - Parameter pixel: byte `offset` (height × width × channels) of image `image`.
  init(
    count: Int, channels: Int = 1, height: Int = 8, width: Int = 8,
    pixel: @escaping @Sendable (Int, Int) throws -> UInt8 = { UInt8(truncatingIfNeeded: $0 &* 31 &+ $1 &* 7) }
  ) {
    self.count = count
    self.channels = channels
    self.height = height
    self.width = width
    self.pixel = pixel
    normalization = .none(channels: channels)
  }

  func label(at index: Int) -> Int { index % 3 }

  func copyPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
    for offset in pixels.indices { pixels[offset] = try pixel(index, offset) }
  }
}

extension DataLoader {
  /// Everything of an epoch that must be reproducible.
  func contents(epoch: Int, startingAt start: Int = 0) throws -> [BatchContents] {
    var list: [BatchContents] = []
    let batches = batches(epoch: epoch, startingAt: start)
    while let batch = try batches.next() { list.append(BatchContents(batch)) }
    return list
  }
}

struct BatchContents: Equatable {
  let shape: [Int]
  let images: [UInt32]
  let labels: [Double]
  let targets: [UInt32]?
  let indices: [Int]
  let epoch: Int
  let index: Int

  init(_ batch: Batch) {
    shape = batch.images.shape
    images = batch.images.floats().map(\.bitPattern)
    labels = batch.labels.doubles()
    targets = batch.targets?.floats().map(\.bitPattern)
    indices = batch.indices
    epoch = batch.epoch
    index = batch.index
  }
}

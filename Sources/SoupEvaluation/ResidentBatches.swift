import SoupData
import SoupTensors
import SoupTorch

/// Batches of images as a model takes them, normalised once and kept on the device: the second model and all that follow wait
/// for no image.
///
/// Images are rendered by the first run that gets to the end. What does not fit the limit is rendered anew for every model.
final class ResidentBatches {
  /// Bytes that are kept at most.
  static let limit = 1 << 30

  typealias Entry = (images: Tensor, indices: [Int])
  private let loader: DataLoader
  private let device: Device
  private let fits: Bool
  private var known: [Entry] = []

  init(_ loader: DataLoader, of data: any ImageDataset, device: Device) {
    self.loader = loader
    self.device = device
    fits = data.count * data.channels * data.height * data.width * 4 <= Self.limit
  }

  /// Hands out the batches in order until `body` returns false.
  func walk(_ body: (Entry) throws -> Bool) throws {
    if !known.isEmpty {
      for entry in known { guard try body(entry) else { return } }
      return
    }
    var rendered: [Entry] = []
    let batches = loader.batches(epoch: 0)
    while let batch = try batches.next() {
      let entry = (images: try Tensor(batch.images, device: device), indices: batch.indices)
      if fits { rendered.append(entry) }
      guard try body(entry) else { return }
    }
    known = rendered
  }
}

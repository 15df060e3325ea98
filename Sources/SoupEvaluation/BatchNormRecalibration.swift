import SoupData
import SoupModels
import SoupTensors
import SoupTorch

/// Recomputes the running statistics of batch norm: forgets them and takes the plain average over batches of training
/// images, as `torch.optim.swa_utils.update_bn`.
///
/// The statistics of a soup are averages of its ingredients' statistics, which need not be those of its own activations.
public struct BatchNormRecalibration {
  private let loader: DataLoader
  private let batches: Int
  private let device: Device
  /// Images that one recalibration runs through the model.
  public var imageCount: Int { min(batches * loader.batchSize, loader.imageCount) }

  /// - Parameters:
  ///   - data: training images; test images would leak into the model.
  ///   - images: how many to use, rounded up to whole batches; all when nil.
  ///   - seed: of the order in which images are taken.
  public init(
    _ data: any ImageDataset, images: Int? = nil, batchSize: Int = 128, seed: UInt64 = 0, device: Device = .cpu,
    loaderThreads: Int = 1
  ) throws {
    guard data.count > 0, images.map({ $0 > 0 }) ?? true else {
      throw EvaluationError(.noData, "batch-norm statistics need images to be computed on")
    }
    let loader = try DataLoader(
      data, batchSize: min(batchSize, data.count), shuffleSeed: seed, dropLast: true, threads: loaderThreads)
    self.loader = loader
    batches = min(images.map { ($0 + loader.batchSize - 1) / loader.batchSize } ?? .max, loader.batchCount)
    self.device = device
  }

  /// Replaces the running statistics of `model`; its parameters stay.
  /// - Throws: `EvaluationError.Code.unsupported` if the model has no batch norm.
  public func apply(to model: any Network) throws {
    guard !model.batchNorms.isEmpty else {
      throw EvaluationError(
        .unsupported, "the model has no batch norm whose statistics could be recomputed")
    }
    let sequence = loader.batches(epoch: 0)
    var left = batches
    try model.recomputeStatistics {
      guard left > 0, let batch = try sequence.next() else { return nil }
      left -= 1
      return try Tensor(batch.images, device: device)
    }
  }
}

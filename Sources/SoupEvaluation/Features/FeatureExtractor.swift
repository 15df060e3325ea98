import SoupData
import SoupModels
import SoupTensors
import SoupTorch

/// What models see in a set of images before they classify them, in the set's order, without augmentation.
///
/// The fused inference models compute it at the speed of prediction. Up to 1 GiB of images stay in memory as the first model saw
/// them, shared by copies of the extractor.
public struct FeatureExtractor {
  public let data: any ImageDataset
  public let device: Device
  private let precision: Precision
  private let loader: DataLoader
  private let batches: ResidentBatches

  /// - Parameters:
  ///   - precision: of convolutions and linear layers; features come out in Float32.
  ///   - normalization: the data set's own when nil.
  /// - Throws: `EvaluationError.Code.noData`; `DataError`.
  public init(
    _ data: any ImageDataset, batchSize: Int = 128, precision: Precision = .float32, device: Device = .cpu,
    normalization: Normalization? = nil, loaderThreads: Int = 1
  ) throws {
    guard data.count > 0 else { throw EvaluationError(.noData, "\(data.name) has no images to take features of") }
    self.data = data
    self.precision = precision
    self.device = device
    loader = try DataLoader(data, batchSize: batchSize, normalization: normalization, threads: loaderThreads)
    batches = ResidentBatches(loader, of: data, device: device)
  }

  /// Features of every image: `[N, D]` float32, on the device.
  /// - Parameter progress: called with the number of images done.
  /// - Throws: `ModelError.noFeatures`; `EvaluationError.Code.shape` for images of other channels.
  public func callAsFunction(_ model: any Network, progress: (Int) throws -> Void = { _ in }) throws -> Tensor {
    let encoder = try model.encoder()
    guard encoder.configuration.channels == data.channels else {
      throw EvaluationError(
        .shape,
        "the model does not fit \(data.name): it has \(encoder.configuration.channels) channels, the images \(data.channels)"
      )
    }
    let inference = try encoder.inference(precision: precision, batchSize: min(loader.batchSize, data.count))
    return try callAsFunction(inference, progress: progress)
  }

  /// Features of every image by a model that is ready: `[N, D]` float32, on the device.
  public func callAsFunction(_ model: any InferenceModel, progress: (Int) throws -> Void = { _ in }) throws -> Tensor {
    var table: Tensor?
    var done = 0
    try batches.walk { images, indices in
      let features = try withoutGradients { try model.features(images) }
      let known = try table ?? .zeros(shape: [data.count, features.shape[1]], device: device)
      table = known
      // In place: a list of parts would have to be joined, in twice the memory.
      try known.narrow(0, start: done, length: indices.count).copy(from: features.host())
      done += indices.count
      try progress(done)
      return true
    }
    guard let table else { throw EvaluationError(.noData, "\(data.name) has no images to take features of") }
    return table
  }
}

import SoupData
import SoupModels
import SoupTensors
import SoupTorch

/// What models say about the same images: logits, and the features that the classifier sees, in one pass.
public struct ResponseReader {
  public struct Responses: Sendable {
    /// `[n, classes]` float32; of a data set that asks for some classes only, those.
    public let logits: HostTensor
    /// `[n, D]` float32; nil for a network that does not show them.
    public let features: HostTensor?
  }

  public let data: any ImageDataset
  public let device: Device
  private let batches: ResidentBatches

  /// - Throws: `EvaluationError.Code.noData`; `DataError`.
  public init(
    _ data: any ImageDataset, batchSize: Int = 128, device: Device = .cpu, loaderThreads: Int = 1
  ) throws {
    guard data.count > 0 else { throw EvaluationError(.noData, "\(data.name) has no images to compare models on") }
    self.data = data
    self.device = device
    batches = ResidentBatches(
      try DataLoader(data, batchSize: batchSize, threads: loaderThreads), of: data, device: device)
  }

  /// - Parameter progress: called with the number of images done.
  /// - Throws: `EvaluationError.Code.shape` for a model that does not fit the images.
  public func callAsFunction(_ network: any Network, progress: (Int) throws -> Void = { _ in }) throws -> Responses {
    try Evaluator.refuseMismatch(network, data)
    let (n, classes) = (data.count, data.classCount)
    let model = network as? any Model
    var logits = [Float]()
    logits.reserveCapacity(n * classes)
    var features: [Float] = []
    var done = 0
    try batches.walk { images, indices in
      let (z, x) = try withoutGradients {
        guard let model, let classifier = model.classifier else {
          return (try network(images, training: false), Tensor?.none)
        }
        let seen = try model.features(images, training: false)
        return (try classifier(seen), seen)
      }
      guard z.shape == [indices.count, classes] else {
        throw EvaluationError(
          .shape, "the model gave logits of shape \(z.shape) for \(indices.count) images of \(classes) classes")
      }
      logits += try z.to(.float32).host().floats()
      if let x { features += try x.to(.float32).host().floats() }
      done += indices.count
      try progress(done)
      return true
    }
    // Classes that take no part say nothing about how alike models are.
    if let subset = data.classSubset {
      logits = (0..<n).flatMap { row in subset.map { logits[row * classes + $0] } }
    }
    return Responses(
      logits: try HostTensor(floats: logits, shape: [n, data.classSubset?.count ?? classes]),
      features: features.isEmpty ? nil : try HostTensor(floats: features, shape: [n, features.count / n]))
  }
}

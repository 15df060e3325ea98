import SoupData
import SoupModels
import SoupTensors
import SoupTorch

/// Runs a model over a set of images, in the set's order, without augmentation.
public struct Evaluator {
  public let data: any ImageDataset
  public let labels: [Int]
  public let precision: Precision
  public let device: Device
  private let loader: DataLoader

  /// - Parameters:
  ///   - batchSize: images per forward pass; the logits do not depend on it beyond rounding.
  ///   - precision: of convolutions and linear layers; logits come out in Float32.
  ///   - normalization: the data set's own when nil.
  /// - Throws: `EvaluationError.Code.noData`; `DataError`.
  public init(
    _ data: any ImageDataset, batchSize: Int = 128, precision: Precision = .float32, device: Device = .cpu,
    normalization: Normalization? = nil, loaderThreads: Int = 1
  ) throws {
    guard data.count > 0 else { throw EvaluationError(.noData, "\(data.name) has no images to evaluate on") }
    self.data = data
    self.precision = precision
    self.device = device
    labels = (0..<data.count).map(data.label(at:))
    loader = try DataLoader(data, batchSize: batchSize, normalization: normalization, threads: loaderThreads)
  }

  /// Logits of every image: `[N, classes]` float32.
  /// - Parameter progress: called with the number of images done.
  public func logits(of model: any Model, progress: (Int) throws -> Void = { _ in }) throws -> HostTensor {
    try refuseMismatch(model.configuration)
    let inference = try model.inference(precision: precision, batchSize: min(loader.batchSize, data.count))
    let classes = model.configuration.classes
    return try HostTensor(dtype: .float32, shape: [data.count, classes]) { bytes in
      var done = 0
      let batches = loader.batches(epoch: 0)
      while let batch = try batches.next() {
        let output = try withoutGradients { try inference(Tensor(batch.images, device: device)).to(.float32).host() }
        guard output.shape == [batch.count, classes] else {
          throw EvaluationError(
            .shape, "the model gave logits of shape \(output.shape) for \(batch.count) images of \(classes) classes")
        }
        output.withUnsafeBytes {
          UnsafeMutableRawBufferPointer(rebasing: bytes[(done * classes * 4)...]).copyMemory(from: $0)
        }
        done += batch.count
        try progress(done)
      }
    }
  }

  /// The score of given logits on these images.
  public func score(_ logits: HostTensor) throws -> Score { try Score(logits: logits, labels: labels) }

  /// The score of a model on these images.
  public func score(_ model: any Model, progress: (Int) throws -> Void = { _ in }) throws -> Score {
    try score(logits(of: model, progress: progress))
  }

  private func refuseMismatch(_ model: ModelConfiguration) throws(EvaluationError) {
    var problems: [String] = []
    if model.channels != data.channels { problems.append("\(model.channels) channels, the images \(data.channels)") }
    if model.classes != data.classCount { problems.append("\(model.classes) classes, the data \(data.classCount)") }
    guard problems.isEmpty else {
      throw EvaluationError(.shape, "the model does not fit \(data.name): it has \(problems.joined(separator: "; "))")
    }
  }
}

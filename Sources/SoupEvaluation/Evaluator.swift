import SoupData
import SoupModels
import SoupTensors
import SoupTorch

/// Runs a model over a set of images, in the set's order, without augmentation.
///
/// Up to 1 GiB of images stay in memory as the first model saw them, shared by copies of the evaluator.
public struct Evaluator {
  public let data: any ImageDataset
  public let labels: [Int]
  /// Of each image every class that counts as right; nil where that is its label alone.
  public let targets: [[Int]]?
  public let precision: Precision
  public let device: Device
  private let loader: DataLoader
  private let batches: ResidentBatches

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
    targets = Self.targets(of: data)
    loader = try DataLoader(data, batchSize: batchSize, normalization: normalization, threads: loaderThreads)
    batches = ResidentBatches(loader, of: data, device: device)
  }

  /// The same images in another order, run in the same way.
  public func reordered(_ order: [Int]) throws -> Evaluator {
    try Evaluator(
      Subset(of: data, indices: order), batchSize: loader.batchSize, precision: precision, device: device,
      normalization: loader.normalization, loaderThreads: loader.threads)
  }

  /// Logits of every image: `[N, classes]` float32.
  /// - Parameter progress: called with the number of images done.
  public func logits(of model: any Network, progress: (Int) throws -> Void = { _ in }) throws -> HostTensor {
    let classes = data.classCount
    return try HostTensor(dtype: .float32, shape: [data.count, classes]) { bytes in
      var done = 0
      try forEachBatch(of: model) { logits, _ in
        logits.withUnsafeBytes {
          UnsafeMutableRawBufferPointer(rebasing: bytes[(done * classes * 4)...]).copyMemory(from: $0)
        }
        done += logits.shape[0]
        try progress(done)
        return true
      }
    }
  }

  /// Runs a model batch by batch.
  /// - Parameter body: gets logits `[n, classes]` and the positions of their images in `data`; false ends the run.
  public func forEachBatch(of model: any Network, _ body: (HostTensor, [Int]) throws -> Bool) throws {
    try Self.refuseMismatch(model, data)
    let inference = try model.inference(precision: precision, batchSize: min(loader.batchSize, data.count))
    try batches.walk { images, indices in
      let output = try withoutGradients { try inference(images).to(.float32).host() }
      guard output.shape == [indices.count, data.classCount] else {
        throw EvaluationError(
          .shape,
          "the model gave logits of shape \(output.shape) for \(indices.count) images of \(data.classCount) classes")
      }
      return try body(Self.masked(output, data.classSubset), indices)
    }
  }

  /// The score of given logits on these images.
  public func score(_ logits: HostTensor) throws -> Score {
    try Score(logits: logits, labels: labels, targets: targets)
  }

  /// How given logits do on each of these images.
  public func outcomes(_ logits: HostTensor) throws -> SampleOutcomes {
    try SampleOutcomes(logits: logits, labels: labels, targets: targets)
  }

  /// The score of a model on these images.
  public func score(_ model: any Network, progress: (Int) throws -> Void = { _ in }) throws -> Score {
    try score(logits(of: model, progress: progress))
  }

  static func refuseMismatch(_ model: any Network, _ data: any ImageDataset) throws(EvaluationError) {
    let problems = model.problems(channels: data.channels, classes: data.classCount)
    guard problems.isEmpty else {
      throw EvaluationError(.shape, "the model does not fit \(data.name): it has \(problems.joined(separator: "; "))")
    }
  }

  private static func targets(of data: any ImageDataset) -> [[Int]]? {
    guard (0..<data.count).contains(where: { data.targets(at: $0) != [data.label(at: $0)] }) else { return nil }
    return (0..<data.count).map(data.targets(at:))
  }

  /// Logits in which classes that take no part can not win and have no probability.
  public static func masked(_ logits: HostTensor, _ subset: [Int]?) throws -> HostTensor {
    guard let subset else { return logits }
    let classes = logits.shape[1]
    let takesPart = subset.reduce(into: [Bool](repeating: false, count: classes)) { $0[$1] = true }
    var values = logits.floats()
    // Finite, as a logit that is not finite says that a model is broken.
    for index in values.indices where !takesPart[index % classes] { values[index] = -1e30 }
    return try HostTensor(floats: values, shape: logits.shape)
  }
}

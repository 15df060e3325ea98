import SoupData
import SoupModels
import SoupTensors
import SoupTorch

/// How coefficients between ingredients follow the images that come in: a few steps of self-seasoning on each batch, from the
/// uniform soup or from where the batch before left off, and then a prediction with that mixture.
/// - Source: arXiv:2602.02890 for the objective.
public struct TestTimeMixing: Codable, Sendable, Hashable {
  public var objective: NeighbourEntropy
  /// Steps of Adam on each batch.
  public var steps: Int
  /// Of Adam, constant.
  public var learningRate: Double
  /// Whether a batch starts from the coefficients and moments of the one before, for streams whose shift lasts.
  public var carriesOver: Bool
  public var precision: Precision

  public init(
    objective: NeighbourEntropy = NeighbourEntropy(), steps: Int = 5, learningRate: Double = 0.1,
    carriesOver: Bool = false, precision: Precision = .float32
  ) {
    self.objective = objective
    self.steps = steps
    self.learningRate = learningRate
    self.carriesOver = carriesOver
    self.precision = precision
  }

  private enum CodingKeys: String, CodingKey {
    case objective, steps
    case learningRate = "learning_rate"
    case carriesOver = "carries_over"
    case precision
  }
}

/// Ingredients on disk that predict as a mixture of their own for every batch. Memory is that of one model, whatever their number.
public final class TestTimeMixer {
  public let configuration: TestTimeMixing
  private let model: any Model
  private let gradient: MixtureGradient
  private let start: MixtureCoefficients
  private var coefficients: MixtureCoefficients

  /// - Parameter model: of the ingredients' architecture; its weights are overwritten.
  /// - Throws: `SeasoningError`, `ModelError.noFeatures`, `MixError`, `StateDictMismatch`.
  public init(_ paths: [String], model: any Network, configuration: TestTimeMixing = TestTimeMixing()) throws {
    try SeasoningError.check(ingredients: paths)
    guard configuration.steps >= 1, configuration.learningRate > 0, configuration.learningRate.isFinite else {
      throw SeasoningError(
        .badConfiguration,
        "adapting needs at least 1 step and a learning rate above 0, found \(configuration.steps) and "
          + "\(configuration.learningRate)")
    }
    try configuration.objective.check(images: .max)
    self.configuration = configuration
    self.model = try model.encoder()
    gradient = MixtureGradient(
      try StreamedMixture(paths, into: model.store), model: model, extent: .model, precision: configuration.precision)
    start = MixtureCoefficients(rows: 1, ingredients: paths.count)
    coefficients = start
  }

  /// Forgets what earlier batches taught: the next one starts from the uniform soup.
  public func reset() { coefficients = start }

  /// What a batch was predicted as, and with which mixture.
  public struct Prediction {
    /// `[N, classes]` float32.
    public let logits: HostTensor
    public let weights: [Double]
  }

  /// Adapts to a batch and predicts it.
  ///
  /// Smaller batches than k + 1 images take all others as neighbours; with fewer than 3 images there is nothing to adapt to, nor
  /// with features that are the same for all, and the coefficients stay.
  /// - Parameter images: `[N, C, H, W]` normalised float32, on the model's device.
  public func callAsFunction(_ images: Tensor) throws -> Prediction {
    if !configuration.carriesOver { reset() }
    var objective = configuration.objective
    objective.neighbours = min(objective.neighbours, images.shape[0] - 1)
    if objective.neighbours >= 2 {
      for _ in 0..<configuration.steps {
        let (loss, slopes) = try gradient.derivatives(coefficients) { _ in
          try objective(
            withAutocast(configuration.precision, device: images.device) { try model.features(images, training: false) }
          )
        }
        guard loss.isFinite else {
          throw SeasoningError(.diverged, "the entropy between neighbours is \(loss): an ingredient is not finite")
        }
        if loss > objective.bound - 1e-5 { break }
        coefficients.step(coefficients.chain(slopes), temperature: nil, learningRate: configuration.learningRate)
      }
    }
    try gradient.mixture.mix(gradient.tensorWeights(coefficients))
    let logits = try withoutGradients {
      try withAutocast(configuration.precision, device: images.device) { try model(images, training: false) }.to(
        .float32)
    }
    return Prediction(logits: try logits.host(), weights: coefficients.meanWeights)
  }
}

extension TestTimeMixer {
  /// What a stream of images was predicted as.
  public struct Stream: Sendable {
    /// `[N, classes]` float32, in the order of the data set.
    public let logits: HostTensor
    /// The mixture of every batch, in the order in which they came.
    public let weights: [[Double]]

    /// The mean mixture.
    public var meanWeights: [Double] {
      weights[0].indices.map { index in weights.reduce(0) { $0 + $1[index] } / Double(weights.count) }
    }
  }

  /// Adapts to a set of images batch by batch, in an order drawn from a seed: sets on disk are often sorted by class.
  /// - Parameter progress: called with the number of images done.
  public func predict(
    _ data: any ImageDataset, batchSize: Int = 128, seed: UInt64 = 0, device: Device = .cpu, loaderThreads: Int = 1,
    progress: (Int) throws -> Void = { _ in }
  ) throws -> Stream {
    reset()
    let loader = try DataLoader(data, batchSize: batchSize, shuffleSeed: seed, threads: loaderThreads)
    let batches = loader.batches(epoch: 0)
    var weights: [[Double]] = []
    let classes = data.classCount
    let logits = try HostTensor(dtype: .float32, shape: [data.count, classes]) { bytes in
      let target = bytes.bindMemory(to: Float.self)
      var done = 0
      while let batch = try batches.next() {
        let prediction = try self(Tensor(batch.images, device: device))
        guard prediction.logits.shape == [batch.count, classes] else {
          throw SeasoningError(
            .badConfiguration,
            "the ingredients gave logits of shape \(prediction.logits.shape) for \(batch.count) images of \(classes) classes"
          )
        }
        let values = prediction.logits.floats()
        for (row, image) in batch.indices.enumerated() {
          for index in 0..<classes { target[image * classes + index] = values[row * classes + index] }
        }
        weights.append(prediction.weights)
        done += batch.count
        try progress(done)
      }
    }
    return Stream(logits: logits, weights: weights)
  }
}

import SoupTensors
import SoupTorch

/// A linear classifier on frozen features, trained at several learning rates side by side and chosen on held-out images.
///
/// Features are standardised by the training images, `(x − m)/(s + 1e-5)` with s unbiased, and that is folded into the result:
/// `W' = W/(s + 1e-5)`, `b' = b − W' m`, so that it reads features as they are. AdamW with decay on everything, linear warm-up
/// from 1e-6 of the rate, then a cosine to 0, batches in a new order every pass, the last and smaller one left out.
///
/// All rates are one matrix product: a probe of nine costs little more than one.
/// - Source: arXiv:2602.02890, whose code standardises test features by themselves and selects on test; here training statistics
///   serve both, and selection is on held-out images. Weights start at 0 rather than at random.
public struct LinearProbe: Codable, Sendable, Hashable {
  public static let usualRates = [1e-4, 3e-4, 6e-4, 1e-3, 3e-3, 6e-3, 1e-2, 3e-2, 6e-2]

  public var learningRates: [Double]
  public var epochs: Int
  /// At most all images.
  public var batchSize: Int
  public var weightDecay: Double
  public var schedule: Schedule
  /// Of the order of the images.
  public var seed: UInt64

  public init(
    learningRates: [Double] = usualRates, epochs: Int = 100, batchSize: Int = 256, weightDecay: Double = 0.01,
    schedule: Schedule = .linearCosine(fraction: 0.1, start: 1e-6), seed: UInt64 = 0
  ) {
    self.learningRates = learningRates
    self.epochs = epochs
    self.batchSize = batchSize
    self.weightDecay = weightDecay
    self.schedule = schedule
    self.seed = seed
  }

  /// Features of labelled images.
  public struct Images {
    /// `[N, D]` float32
    public let features: Tensor
    public let labels: [Int]

    public init(features: Tensor, labels: [Int]) {
      self.features = features
      self.labels = labels
    }
  }

  /// Trains.
  /// - Parameters:
  ///   - heldOut: what the learning rate is chosen on; of other images than `train`.
  ///   - progress: called with the number of steps done, of `steps(images:)`.
  /// - Throws: `EvaluationError` for settings out of range, labels of one class only, features that are constant or not finite.
  public func fit(
    _ train: Images, heldOut: Images, classes: Int, progress: (Int) throws -> Void = { _ in }
  ) throws -> LinearProbeResult {
    try validate(train, heldOut, classes)
    let standard = try Standardization(train.features)
    let x = try standard(train.features)
    let device = x.device
    let labels = try Tensor(
      HostTensor(integers: train.labels.map(Int64.init), shape: [train.labels.count]), device: device)
    let (rates, width) = (learningRates.count, x.shape[1])
    let weights = try learningRates.map { _ in
      try Tensor.zeros(shape: [classes, width], device: device).requireGradient()
    }
    let biases = try learningRates.map { _ in try Tensor.zeros(shape: [classes], device: device).requireGradient() }
    // A group for each rate, so that one optimiser moves them all.
    let optimizer = try AdamW(
      learningRates.indices.map {
        ParameterGroup(
          [("weight.\($0)", weights[$0]), ("bias.\($0)", biases[$0])], learningRateScale: learningRates[$0])
      }, weightDecay: weightDecay)
    let batch = min(batchSize, train.labels.count)
    let perEpoch = train.labels.count / batch
    let total = steps(images: train.labels.count)
    let orders = CounterGenerator(seed: seed).derived("order")
    for epoch in 0..<epochs {
      var random = orders.derived(UInt64(epoch))
      let order = random.permutation(train.labels.count)
      for place in 0..<perEpoch {
        let indices = order[place * batch..<(place + 1) * batch].map(Int64.init)
        let chosen = try Tensor(HostTensor(integers: indices, shape: [batch]), device: device)
        let targets = try labels.indexSelect(0, indices: chosen).unsqueeze(1).expand([batch, rates]).reshape([
          batch * rates
        ])
        let logits = try x.indexSelect(0, indices: chosen)
          .linear(.concatenated(weights), .concatenated(biases))  // [B, rates · C]
          .reshape([batch * rates, classes])
        // The mean is over all rates; each has the gradient of a mean of its own.
        let loss = try crossEntropy(logits, labels: targets) * Double(rates)
        optimizer.zeroGradients()
        try loss.backward()
        let step = epoch * perEpoch + place
        try optimizer.step(learningRate: schedule.learningRate(base: 1, step: step, totalSteps: total))
        try progress(step + 1)
      }
    }
    let held = try standard(heldOut.features)
    let candidates = try learningRates.indices.map { index in
      let logits = try withoutGradients { try held.linear(weights[index], biases[index]).host() }
      return LinearProbeResult.Candidate(
        learningRate: learningRates[index], heldOut: try Score(logits: logits, labels: heldOut.labels))
    }
    func isBetter(_ a: Int, _ b: Int) -> Bool {
      let (left, right) = (candidates[a].heldOut, candidates[b].heldOut)
      return left.top1 != right.top1 ? left.top1 > right.top1 : left.loss < right.loss
    }
    let best = candidates.indices.dropFirst().reduce(0) { isBetter($1, $0) ? $1 : $0 }
    let folded = try standard.folded(weights[best].detach().host(), biases[best].detach().host())
    return LinearProbeResult(
      configuration: self, candidates: candidates, best: best, weight: folded.weight, bias: folded.bias)
  }

  /// Steps of a whole fit.
  public func steps(images: Int) -> Int { epochs * (images / min(batchSize, max(images, 1))) }

  private func validate(_ train: Images, _ heldOut: Images, _ classes: Int) throws(EvaluationError) {
    var problems: [String] = []
    if learningRates.isEmpty || !learningRates.allSatisfy({ $0 > 0 && $0.isFinite }) {
      problems.append("learning rates must be above 0, and there must be one, found \(learningRates)")
    }
    if epochs < 1 { problems.append("epochs must be at least 1, found \(epochs)") }
    if batchSize < 1 { problems.append("the batch size must be at least 1, found \(batchSize)") }
    if !(weightDecay >= 0 && weightDecay.isFinite) {
      problems.append("weight decay must be 0 or more, found \(weightDecay)")
    }
    guard problems.isEmpty else { throw EvaluationError(.unsupported, problems.joined(separator: "\n")) }
    for (name, images) in [("training", train), ("held-out", heldOut)] {
      guard !images.labels.isEmpty else { throw EvaluationError(.noData, "a probe needs \(name) images") }
      guard train.features.rank == 2, images.features.shape == [images.labels.count, train.features.shape[1]],
        images.labels.allSatisfy((0..<classes).contains)
      else {
        throw EvaluationError(
          .shape,
          "\(images.labels.count) \(name) labels in \(classes) classes need features of the same number of images, found "
            + "\(images.features.shape)")
      }
    }
    guard Set(train.labels).count > 1 else {
      throw EvaluationError(
        .unsupported,
        "all \(train.labels.count) training images are of class \(train.labels[0]): there is nothing to tell apart; give images "
          + "of several classes")
    }
  }
}

/// What a probe found.
public struct LinearProbeResult: Sendable {
  /// One learning rate.
  public struct Candidate: Codable, Sendable, Hashable {
    public let learningRate: Double
    public let heldOut: Score

    private enum CodingKeys: String, CodingKey {
      case learningRate = "learning_rate"
      case heldOut = "held_out"
    }
  }

  public let configuration: LinearProbe
  /// In the order of the configuration's rates.
  public let candidates: [Candidate]
  /// The one of the highest held-out accuracy; of equal ones that of the lowest loss.
  public let best: Int
  /// Of features as they are: `[classes, D]`.
  public let weight: HostTensor
  public let bias: HostTensor
}

/// Mean and spread of every feature over the training images.
private struct Standardization {
  private let mean: Tensor
  private let scale: Tensor

  init(_ features: Tensor) throws {
    let count = Double(features.shape[0])
    (mean, scale) = try withoutGradients {
      let variance = try features.variance(over: [0], keepingDimensions: true) * (count / max(count - 1, 1))
      return (try features.mean(over: [0], keepingDimensions: true), try variance.squareRoot() + 1e-5)
    }
    let spread = try scale.max().item() - 1e-5
    guard spread.isFinite, try mean.sum().item().isFinite else {
      throw EvaluationError(.unsupported, "features are not finite: the checkpoint's weights are broken")
    }
    guard spread > 1e-7 else {
      throw EvaluationError(
        .unsupported,
        "all \(features.shape[0]) training images have the same features, so that no probe can tell them apart: the encoder has "
          + "collapsed")
    }
  }

  func callAsFunction(_ features: Tensor) throws -> Tensor { try withoutGradients { try (features - mean) / scale } }

  /// The head that reads features as they are, folded in Float64.
  func folded(_ weight: HostTensor, _ bias: HostTensor) throws -> (weight: HostTensor, bias: HostTensor) {
    let (means, scales) = (try mean.host().floats().map(Double.init), try scale.host().floats().map(Double.init))
    let (weights, biases) = (weight.floats(), bias.floats())
    var (folded, shifted): ([Float], [Float]) = ([], [])
    for row in biases.indices {
      var shift = Double(biases[row])
      for column in means.indices {
        let value = Double(weights[row * means.count + column]) / scales[column]
        folded.append(Float(value))
        shift -= value * means[column]
      }
      shifted.append(Float(shift))
    }
    return (
      try HostTensor(floats: folded, shape: weight.shape), try HostTensor(floats: shifted, shape: bias.shape)
    )
  }
}

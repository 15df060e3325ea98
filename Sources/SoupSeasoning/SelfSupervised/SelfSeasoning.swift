import Foundation
import SoupData
import SoupMixing
import SoupModels
import SoupTensors
import SoupTorch

/// Self-seasoning: mixing coefficients found without labels, `min over α of mean H(features of Σᵢ αᵢ θᵢ)`, with α a softmax of
/// free numbers that start at 0 and H the entropy between nearest neighbours in a batch.
///
/// Adam at a rate that falls by a cosine from pass to pass; the coefficients after the pass of the lowest mean entropy are kept.
/// Evaluation mode, no augmentation, batches of one size. As for `LearnedSoup`, ingredients stay on disk: a step is one
/// forward and backward pass of the mixed model and an inner product for each ingredient. Labels are not read.
///
/// The entropy is a biased judge: it prefers features that cluster, whatever the clusters mean. The source finds it fails where
/// the task is to count or to locate.
/// - Source: arXiv:2602.02890, section 4.5. A batch of fewer than k + 1 images is an error here, rather than a smaller k.
public struct SelfSeasoning: Codable, Sendable, Hashable {
  public var objective: NeighbourEntropy
  /// Of Adam, in the first pass.
  public var learningRate: Double
  /// What the cosine falls to.
  public var finalLearningRate: Double
  /// Passes over the images.
  public var epochs: Int
  /// Ends the search after this many steps, if that is sooner; the cosine then falls over the passes that are begun.
  public var steps: Int?
  /// At most all images.
  public var batchSize: Int
  /// Of the order of the images.
  public var seed: UInt64
  /// Of convolutions and linear layers; entropy, mixing and inner products are not affected.
  public var precision: Precision

  public init(
    objective: NeighbourEntropy = NeighbourEntropy(), learningRate: Double = 0.1, finalLearningRate: Double = 0.01,
    epochs: Int = 100, steps: Int? = nil, batchSize: Int = 256, seed: UInt64 = 0, precision: Precision = .float32
  ) {
    self.objective = objective
    self.learningRate = learningRate
    self.finalLearningRate = finalLearningRate
    self.epochs = epochs
    self.steps = steps
    self.batchSize = batchSize
    self.seed = seed
    self.precision = precision
  }

  /// How a call of `season` ended.
  public enum Outcome: Sendable {
    case finished(SelfSeasonedResult)
    /// Asked to stop after this step; the same call with the same state file continues.
    case interrupted(step: Int)
  }

  /// The rate of a pass: `f + (r − f)(1 + cos(π e/E))/2`.
  public func rate(epoch: Int, of total: Int) -> Double {
    finalLearningRate + (learningRate - finalLearningRate) * (1 + cos(.pi * Double(epoch) / Double(total))) / 2
  }

  /// Searches.
  /// - Parameters:
  ///   - paths: the ingredients' checkpoints.
  ///   - model: of their architecture; its weights are overwritten, and are the result's afterwards.
  ///   - data: images; their labels are not read.
  ///   - saving: as for `LearnedSoup.season`.
  /// - Throws: `SeasoningError`, `ModelError.noFeatures`, `MixError`, `StateDictMismatch`.
  public func season(
    _ paths: [String], model: any Network, data: any ImageDataset, device: Device = .cpu, loaderThreads: Int = 1,
    saving: LearnedSoup.Saving? = nil, shouldStop: () -> Bool = { false },
    progress: (SelfSeasoningProgress) throws -> Void = { _ in }
  ) throws -> Outcome {
    try validate(paths, data)
    let encoder = try model.encoder()
    let mixture = try StreamedMixture(paths, into: model.store)
    let gradient = MixtureGradient(mixture, model: model, extent: .model, precision: precision)
    let loader = try loader(data, threads: loaderThreads)
    var state = try LearnedState(
      identity: LearnedState.identity(self, paths: paths, data: data),
      coefficients: MixtureCoefficients(rows: 1, ingredients: paths.count)
    ).continued(from: saving?.path)
    let total = min(steps ?? .max, epochs * loader.batchCount)
    let passes = (total + loader.batchCount - 1) / loader.batchCount
    let descent = CoefficientDescent(loader: loader, totalSteps: total, saving: saving)
    let isFinished = try descent.run(&state, shouldStop: shouldStop) { batch, epoch, coefficients in
      let images = try Tensor(batch.images, device: device)
      let (loss, slopes) = try gradient.derivatives(coefficients) { _ in
        try objective(withAutocast(precision, device: device) { try encoder.features(images, training: false) })
      }
      // A NaN is reported as what it is.
      guard !(loss > objective.bound - 1e-5) else {
        throw SeasoningError(
          .constantFeatures,
          "the mixture \(coefficients.weights[0].map { ($0 * 1000).rounded() / 1000 }) gives all images of a batch the same "
            + "features: the entropy between neighbours is at its bound ln \(objective.neighbours), and nothing can be learnt "
            + "from it. An ingredient may have collapsed, or the temperature \(objective.temperature) be too high")
      }
      coefficients.step(
        coefficients.chain(slopes), temperature: nil, learningRate: rate(epoch: epoch, of: passes))
      return .init(loss: loss)
    } progress: { state, _, outcome in
      try progress(
        SelfSeasoningProgress(
          step: state.step, totalSteps: total, entropy: outcome.loss, weights: state.coefficients.meanWeights))
    }
    guard isFinished else { return .interrupted(step: state.step) }
    let best = state.best ?? state.coefficients
    try mixture.mix(gradient.tensorWeights(best))
    return .finished(
      SelfSeasonedResult(
        configuration: self, paths: paths, weights: best.meanWeights, entropies: state.epochs.map(\.loss),
        bestEpoch: state.bestEpoch))
  }

  /// The mean entropy of a recipe's soup over all batches of the first pass, nothing learnt: to compare with what was found.
  public func entropy(
    of recipe: Recipe, model: any Network, data: any ImageDataset, device: Device = .cpu, loaderThreads: Int = 1
  ) throws -> Double {
    try validate(recipe.ingredients.map(\.path), data)
    try model.store.load(Mixer().mix(recipe))
    let loader = try loader(data, threads: loaderThreads)
    let inference = try model.encoder().inference(precision: precision, batchSize: loader.batchSize)
    let batches = loader.batches(epoch: 0)
    var sum = 0.0
    while let batch = try batches.next() {
      sum += try withoutGradients { try objective(inference.features(Tensor(batch.images, device: device))).item() }
    }
    return sum / Double(loader.batchCount)
  }

  /// Batches of one size: an entropy among fewer images is another number.
  private func loader(_ data: any ImageDataset, threads: Int) throws -> DataLoader {
    try DataLoader(data, batchSize: min(batchSize, data.count), shuffleSeed: seed, dropLast: true, threads: threads)
  }

  private func validate(_ paths: [String], _ data: any ImageDataset) throws(SeasoningError) {
    try SeasoningError.check(ingredients: paths)
    var problems: [String] = []
    if !(learningRate > 0 && learningRate.isFinite && finalLearningRate >= 0 && finalLearningRate <= learningRate) {
      problems.append(
        "the learning rate must be above 0 and not rise, found \(learningRate) falling to \(finalLearningRate)")
    }
    if epochs < 1 { problems.append("epochs must be at least 1, found \(epochs)") }
    if let steps, steps < 1 { problems.append("steps must be at least 1, found \(steps)") }
    if batchSize < 1 { problems.append("the batch size must be at least 1, found \(batchSize)") }
    if data.count == 0 { problems.append("\(data.name) has no images to learn from") }
    guard problems.isEmpty else { throw SeasoningError(.badConfiguration, problems.joined(separator: "\n")) }
    try objective.check(images: min(batchSize, data.count))
  }

  private enum CodingKeys: String, CodingKey {
    case objective
    case learningRate = "learning_rate"
    case finalLearningRate = "final_learning_rate"
    case epochs, steps
    case batchSize = "batch_size"
    case seed, precision
  }
}

/// One step of a self-seasoning.
public struct SelfSeasoningProgress: Sendable {
  /// Steps done, this one included.
  public let step: Int
  public let totalSteps: Int
  /// Of the batch, before the step, in nats.
  public let entropy: Double
  public let weights: [Double]
}

/// What a self-seasoning found.
public struct SelfSeasonedResult: Codable, Sendable, Hashable {
  public let configuration: SelfSeasoning
  public let paths: [String]
  /// The coefficients that were kept; they sum to 1.
  public let weights: [Double]
  /// The mean of each pass, every batch before its step, in nats.
  public let entropies: [Double]
  /// The pass of the lowest, from 0: the coefficients are those at its end.
  public let bestEpoch: Int

  public var recipe: Recipe { .weighted(zip(paths, weights).map { ($0, $1) }, normalize: false) }

  private enum CodingKeys: String, CodingKey {
    case configuration, paths, weights, entropies
    case bestEpoch = "best_epoch"
  }
}

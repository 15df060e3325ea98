import Foundation
import SoupData
import SoupMixing
import SoupModels
import SoupTensors
import SoupTorch

/// Learned soup: the mixing coefficients that minimise the loss on held-out images,
/// `min over α, β of Σ_j CE(β · f(x_j; Σᵢ αᵢ θᵢ), y_j)`, with α a softmax of free numbers.
///
/// With one softmax for the model (`extent` `.model`, the paper's *learned soup*) or one for each trained tensor (`.tensor`,
/// *learned by layer*). The published code keeps all models in memory and differentiates through their sum; here a step is
/// one forward and backward pass at the mixed weights and one inner product for each ingredient and tensor, with the
/// ingredients on disk: the same derivative, and the memory of one training step of one model.
///
/// Held-out images are not augmented, batch norm runs in evaluation mode. The result is that of the last step.
/// - Source: Wortsman et al., 2022, arXiv:2203.05482; constants of `mlfoundations/model-soups`.
public struct LearnedSoup: Codable, Sendable, Hashable {
  public var extent: MixtureCoefficients.Extent
  /// Of AdamW without weight decay, constant. Default 0.1 for the model, 0.05 by tensor.
  public var learningRate: Double
  /// Passes over the held-out images. Default 3 for the model, 5 by tensor.
  public var epochs: Int
  public var batchSize: Int
  /// Whether β is learned; it stays 1 otherwise.
  public var learnsTemperature: Bool
  /// Of the order of the images.
  public var seed: UInt64
  /// Of convolutions and linear layers; mixing and inner products are Float64 always.
  public var precision: Precision

  public init(
    _ extent: MixtureCoefficients.Extent = .model, learningRate: Double? = nil, epochs: Int? = nil,
    batchSize: Int = 256, learnsTemperature: Bool = true, seed: UInt64 = 0, precision: Precision = .float32
  ) {
    self.extent = extent
    self.learningRate = learningRate ?? (extent == .model ? 0.1 : 0.05)
    self.epochs = epochs ?? (extent == .model ? 3 : 5)
    self.batchSize = batchSize
    self.learnsTemperature = learnsTemperature
    self.seed = seed
    self.precision = precision
  }

  /// How a call of `season` ended.
  public enum Outcome: Sendable {
    case finished(LearnedResult)
    /// Asked to stop after this step; the same call with the same state file continues.
    case interrupted(step: Int)
  }

  /// Where and when a search saves what it continues from.
  public struct Saving: Sendable {
    /// A file that exists only while the search is not finished.
    public var path: String
    public var interval: Duration

    public init(path: String, every interval: Duration = .seconds(30)) {
      self.path = path
      self.interval = interval
    }
  }

  /// Learns.
  /// - Parameters:
  ///   - paths: the ingredients' checkpoints.
  ///   - model: of their architecture; its weights are overwritten, and are the last step's mixture afterwards.
  ///   - data: held-out images; nobody else's.
  ///   - saving: nil saves nothing. A killed search that is called again equally ends with the same numbers as if it had
  ///     never stopped, for the same number of LibTorch threads.
  /// - Throws: `SeasoningError`, `MixError`, `StateDictMismatch`.
  public func season(
    _ paths: [String], model: any Network, data: any ImageDataset, device: Device = .cpu, loaderThreads: Int = 1,
    saving: Saving? = nil, shouldStop: () -> Bool = { false }, progress: (LearnedProgress) throws -> Void = { _ in }
  ) throws -> Outcome {
    try validate(paths, data)
    let mixture = try StreamedMixture(paths, into: model.store)
    let gradient = MixtureGradient(mixture, model: model, extent: extent, precision: precision)
    let loader = try DataLoader(
      data, batchSize: min(batchSize, data.count), shuffleSeed: seed, threads: loaderThreads)
    var state = try LearnedState(
      identity: LearnedState.identity(self, paths: paths, data: data),
      coefficients: MixtureCoefficients(rows: gradient.rowCount, ingredients: paths.count)
    ).continued(from: saving?.path)
    let total = epochs * loader.batchCount
    let descent = CoefficientDescent(loader: loader, totalSteps: total, saving: saving)
    let isFinished = try descent.run(&state, shouldStop: shouldStop) { batch, _, coefficients in
      let value = try gradient(
        coefficients, images: Tensor(batch.images, device: device), labels: Tensor(batch.labels, device: device))
      coefficients.step(
        coefficients.chain(value.weights), temperature: learnsTemperature ? value.temperature : nil,
        learningRate: learningRate)
      return .init(loss: value.loss, right: value.right)
    } progress: { state, batch, outcome in
      try progress(
        LearnedProgress(
          step: state.step, totalSteps: total, batchSize: batch.count, loss: outcome.loss,
          weights: state.coefficients.meanWeights, temperature: state.coefficients.temperature))
    }
    guard isFinished else { return .interrupted(step: state.step) }
    let weights = gradient.tensorWeights(state.coefficients)
    try mixture.mix(weights)
    return .finished(
      LearnedResult(
        configuration: self, paths: paths, tensors: mixture.names, weights: weights,
        coefficients: state.coefficients, epochs: state.epochs))
  }

  private func validate(_ paths: [String], _ data: any ImageDataset) throws(SeasoningError) {
    try SeasoningError.check(ingredients: paths)
    var problems: [String] = []
    if !(learningRate > 0 && learningRate.isFinite) {
      problems.append("the learning rate must be above 0, found \(learningRate)")
    }
    if epochs < 1 { problems.append("epochs must be at least 1, found \(epochs)") }
    if batchSize < 1 { problems.append("the batch size must be at least 1, found \(batchSize)") }
    if data.count == 0 { problems.append("\(data.name) has no images to learn from") }
    guard problems.isEmpty else { throw SeasoningError(.badConfiguration, problems.joined(separator: "\n")) }
  }

  private enum CodingKeys: String, CodingKey {
    case extent
    case learningRate = "learning_rate"
    case epochs
    case batchSize = "batch_size"
    case learnsTemperature = "learns_temperature"
    case seed, precision
  }
}

/// One step of a learned soup.
public struct LearnedProgress: Sendable {
  /// Steps done, this one included.
  public let step: Int
  public let totalSteps: Int
  public let batchSize: Int
  /// Mean cross-entropy of the batch before the step.
  public let loss: Double
  /// The share of every ingredient in the model, averaged over tensors.
  public let weights: [Double]
  public let temperature: Double
}

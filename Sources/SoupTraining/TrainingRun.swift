import SoupData
import SoupModels
import SoupTensors
import SoupTorch

/// The live objects of a run: model, optimizer, moving average and random numbers, and what one step does to them.
final class TrainingRun {
  let model: any Model
  let optimizer: any Optimizer
  let average: ExponentialMovingAverage?
  private let generator: RandomGenerator
  private let configuration: TrainingConfiguration
  private let device: Device

  /// - Parameter base: the weights to start from; a head that is to be reset is not taken from it.
  init(_ configuration: TrainingConfiguration, base: StateDict?, device: Device) throws {
    self.configuration = configuration
    self.device = device
    generator = try RandomGenerator(seed: configuration.seed)
    let model = try makeModel(
      configuration.model, dropPath: configuration.dropPath, generator: generator, device: device)
    if var base {
      if configuration.base?.resetHead ?? false {
        // The new model's own classifier was drawn just now; it takes the place of the base's.
        let head = [model.classifier.weight, model.classifier.bias]
        for entry in model.store.entries where head.contains(where: { $0 === entry.tensor }) {
          base[entry.name] = try entry.tensor.host()
        }
      }
      try model.store.load(base)
    }
    self.model = model
    optimizer = try Self.makeOptimizer(configuration.optimizer, of: model.store)
    average = try configuration.ema.map { try ExponentialMovingAverage(of: model.store, decay: $0) }
  }

  private static func makeOptimizer(_ settings: OptimizerConfiguration, of store: ParameterStore) throws
    -> any Optimizer
  {
    let groups =
      settings.noDecayOnNorms
      ? ParameterGroup.decayingWeightsOnly(store)
      : [ParameterGroup(store.parameters.filter { $0.tensor.requiresGradient })]
    return switch settings.kind {
    case .sgd:
      try SGD(
        groups, momentum: settings.momentum, nesterov: settings.nesterov, weightDecay: settings.weightDecay)
    case .adamw:
      try AdamW(
        groups, betas: (settings.beta1, settings.beta2), epsilon: settings.epsilon, weightDecay: settings.weightDecay)
    }
  }

  /// One optimizer step on a batch.
  /// - Returns: the loss before the step, and the gradient's norm where it is clipped.
  func step(_ batch: Batch, learningRate: Double) throws -> (loss: Double, gradientNorm: Double?) {
    let images = try Tensor(batch.images, device: device)
    let labels = try Tensor(batch.targets ?? batch.labels, device: device)
    let loss = try withAutocast(configuration.precision, device: device) {
      try crossEntropy(model(images, training: true), labels: labels, labelSmoothing: configuration.labelSmoothing)
    }
    let value = try loss.item()
    guard value.isFinite else { return (value, nil) }
    try loss.backward()
    let parameters = model.store.parameters.map(\.tensor)
    let norm = try configuration.clipNorm.map { try clipGradientNorm(parameters, maxNorm: $0) }
    try optimizer.step(learningRate: learningRate)
    optimizer.zeroGradients()
    try average?.update()
    return (value, norm)
  }

  /// The weights that would be the result now.
  func result() throws -> StateDict { try average?.stateDict() ?? model.store.stateDict() }

  /// Calls `body` with the model holding its averaged weights, where they are averaged.
  func withResult<R>(_ body: (any Model) throws -> R) throws -> R {
    guard let average else { return try body(model) }
    let raw = try model.store.stateDict()
    try model.store.load(average.stateDict())
    let result = Result { try body(model) }
    try model.store.load(raw)
    return try result.get()
  }

  // MARK: Saving and continuing

  func state(
    at position: TrainingState.Position, best: StateDict?
  ) throws -> TrainingState {
    TrainingState(
      position: position, configuration: configuration, threads: Torch.threadCount,
      model: try model.store.stateDict(), optimizer: try optimizer.state(), average: try average?.stateDict(),
      best: best, generator: try generator.state())
  }

  func restore(_ state: TrainingState) throws {
    try model.store.load(state.model)
    try optimizer.load(state: state.optimizer)
    if let average = state.average { try self.average?.load(average) }
    try generator.restore(state.generator)
  }
}

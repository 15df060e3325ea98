import SoupData
import SoupModels
import SoupTensors
import SoupTorch

/// The live objects of a run: model, objective, optimizers, averages and random numbers, and what one step does to them.
final class TrainingRun {
  let model: any Model
  let objective: any Objective
  let optimizer: any Optimizer
  /// That of the objective's own parameters; nil where it has none.
  private let headOptimizer: (any Optimizer)?
  let average: ExponentialMovingAverage?
  private let swa: EqualAverage?
  /// The weights in the window of LAWA, the oldest first.
  private var latest: [StateDict] = []
  /// Batches of training images that running statistics are computed on.
  private let statisticsBatches: () throws -> (() throws -> Tensor?)
  private let generator: RandomGenerator
  private let configuration: TrainingConfiguration
  private let device: Device

  /// - Parameters:
  ///   - base: the weights to start from; a head that is to be reset is not taken from it.
  ///   - head: first values of the objective's own parameters; nil draws them.
  ///   - statisticsBatches: starts an epoch of images that running statistics are computed on.
  init(
    _ configuration: TrainingConfiguration, base: StateDict?, head: StateDict?, device: Device,
    statisticsBatches: @escaping () throws -> (() throws -> Tensor?)
  ) throws {
    self.configuration = configuration
    self.statisticsBatches = statisticsBatches
    self.device = device
    generator = try RandomGenerator(seed: configuration.seed)
    let model = try makeModel(
      configuration.model, dropPath: configuration.dropPath, generator: generator, device: device)
    if var base {
      if configuration.base?.resetHead ?? false {
        // The new model's own classifier was drawn just now; it takes the place of the base's.
        let head = [model.classifier?.weight, model.classifier?.bias]
        for entry in model.store.entries where head.contains(where: { $0 === entry.tensor }) {
          base[entry.name] = try entry.tensor.host()
        }
      }
      try model.store.load(base)
    }
    self.model = model
    objective =
      try configuration.objective?.make(for: model, generator: generator, device: device)
      ?? SupervisedObjective(labelSmoothing: configuration.labelSmoothing, generator: generator, device: device)
    if base == nil { try objective.initialize(model) }
    if let head { try objective.head.load(head) }
    optimizer = try Self.makeOptimizer(configuration.optimizer, of: model.store)
    headOptimizer =
      objective.head.entries.isEmpty ? nil : try Self.makeOptimizer(configuration.optimizer, of: objective.head)
    average = try configuration.ema.map { try ExponentialMovingAverage(of: model.store, decay: $0) }
    swa = try configuration.swa.map { _ in try EqualAverage(of: model.store) }
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

  /// One step of both optimizers on a batch.
  /// - Parameters:
  ///   - step, plan: which of how many
  ///   - learningRate: of the model
  /// - Returns: the loss before the step, and the gradient's norm where it is clipped.
  func step(
    _ batch: Batch, _ step: Int, of plan: TrainingPlan, learningRate: Double
  ) throws -> (loss: Double, gradientNorm: Double?) {
    let seen = TrainingBatch(
      views: try ([batch.images] + batch.otherViews).map { try Tensor($0, device: device) },
      targets: try Tensor(batch.targets ?? batch.labels, device: device), indices: batch.indices, step: step,
      totalSteps: plan.totalSteps, epoch: Double(step) / Double(plan.stepsPerEpoch),
      totalEpochs: Double(plan.totalSteps) / Double(plan.stepsPerEpoch),
      random: CounterGenerator(seed: configuration.seed).derived("objective").derived(UInt64(step)))
    let loss = try withAutocast(configuration.precision, device: device) { try objective.loss(model, seen) }
    let value = try loss.item()
    guard value.isFinite else { return (value, nil) }
    try loss.backward()
    let parameters = (model.store.parameters + objective.head.parameters).map(\.tensor)
    let norm = try configuration.clipNorm.map { try clipGradientNorm(parameters, maxNorm: $0) }
    try optimizer.step(learningRate: learningRate)
    optimizer.zeroGradients()
    if let headOptimizer, let settings = configuration.objective {
      try headOptimizer.step(
        learningRate: settings.headLearningRate(
          step: step, totalSteps: plan.totalSteps, model: configuration.optimizer.learningRate))
      headOptimizer.zeroGradients()
    }
    try average?.update()
    return (value, norm)
  }

  /// Takes the present weights into SWA and LAWA where it is their time.
  func takeMoment(after steps: Int, stepsPerEpoch: Int) throws {
    if configuration.swa?.averages(after: steps, stepsPerEpoch: stepsPerEpoch) ?? false { try swa?.add() }
    if let lawa = configuration.lawa, lawa.takes(after: steps, stepsPerEpoch: stepsPerEpoch) {
      latest.append(try model.store.stateDict())
      latest.removeFirst(max(0, latest.count - lawa.window))
    }
  }

  /// Calls `body` with the model holding the weights that would be the result now: their moving average, if there is one.
  func withResult<R>(_ body: (any Model) throws -> R) throws -> R {
    guard let average else { return try body(model) }
    return try with(average.stateDict(), statistics: configuration.averageStatistics ?? .average, body)
  }

  /// Calls `body` with the model holding an average; nil if no moment came.
  func withAverage<R>(_ average: RunAverage, _ body: (any Model, _ moments: Int) throws -> R) throws -> R? {
    switch average {
    case .swa:
      guard let swa, swa.count > 0 else { return nil }
      return try with(swa.stateDict(), statistics: configuration.averageStatistics ?? .recompute) {
        try body($0, swa.count)
      }
    case .lawa:
      guard !latest.isEmpty else { return nil }
      let raw = try model.store.stateDict()
      let mean = try EqualAverage(of: model.store)
      for weights in latest {
        try model.store.load(weights)
        try mean.add()
      }
      let dict = try mean.stateDict()
      try model.store.load(raw)
      return try with(dict, statistics: configuration.averageStatistics ?? .average) { try body($0, latest.count) }
    }
  }

  /// Lends the model other weights.
  private func with<R>(
    _ weights: StateDict, statistics: AverageStatistics, _ body: (any Model) throws -> R
  ) throws -> R {
    let raw = try model.store.stateDict()
    try model.store.load(weights)
    let result = Result {
      if statistics == .recompute {
        try withAutocast(configuration.precision, device: device) {
          try model.recomputeStatistics(from: statisticsBatches())
        }
      }
      return try body(model)
    }
    try model.store.load(raw)
    return try result.get()
  }

  // MARK: Saving and continuing

  func state(
    at position: TrainingState.Position, best: StateDict?
  ) throws -> TrainingState {
    var position = position
    position.swaCount = swa?.count
    position.lawaCount = configuration.lawa.map { _ in latest.count }
    var state = TrainingState(
      position: position, configuration: configuration, threads: Torch.threadCount,
      model: try model.store.stateDict(), optimizer: try optimizer.state(), average: try average?.stateDict(),
      best: best, swa: try swa.flatMap { $0.count > 0 ? try $0.stateDict() : nil }, lawa: latest,
      generator: try generator.state())
    state.head = try objective.head.stateDict()
    state.headOptimizer = try headOptimizer?.state() ?? StateDict()
    state.objective = try objective.state()
    return state
  }

  /// Starts from a trunk's weights and optimizer state. The averages along the run begin here; only the seed that the
  /// trunk has too continues its random numbers.
  func branch(from trunk: TrainingState) throws {
    try model.store.load(trunk.model)
    try optimizer.load(state: trunk.optimizer)
    if let average = trunk.average { try self.average?.load(average) }
    try objective.head.load(trunk.head)
    try headOptimizer?.load(state: trunk.headOptimizer)
    try objective.restore(trunk.objective)
    if configuration.seed == trunk.configuration.seed { try generator.restore(trunk.generator) }
  }

  func restore(_ state: TrainingState) throws {
    try model.store.load(state.model)
    try optimizer.load(state: state.optimizer)
    if let average = state.average { try self.average?.load(average) }
    if let swa = state.swa { try self.swa?.load(swa, count: state.position.swaCount ?? 0) }
    latest = state.lawa
    try objective.head.load(state.head)
    try headOptimizer?.load(state: state.headOptimizer)
    try objective.restore(state.objective)
    try generator.restore(state.generator)
  }
}

import Foundation
import SoupCheckpoints
import SoupData
import SoupModels
import SoupTensors
import SoupTorch

/// Trains one model, by labels or by another objective, and continues a run that was killed, bit for bit.
///
/// ```swift
/// let trainer = Trainer(configuration, files: .init(output: "base.safetensors"), data: train)
/// let outcome = try trainer.run { progress in … }
/// ```
///
/// A run that is not finished keeps its state in `files.state`; calling `run` again with an equal configuration goes on
/// from there. A finished run leaves `files.output` and no state.
public struct Trainer {
  public var configuration: TrainingConfiguration
  public var files: TrainingFiles
  /// The images to train on, without those held out.
  public var data: any ImageDataset
  /// The starting weights, if `configuration.base` names any, and their file name for the provenance.
  public var base: (weights: StateDict, name: String)?
  /// Where a branch starts, if `configuration.branch` says that this run is one.
  public var branch: BranchPoint?
  /// First values of the objective's own parameters, as a pre-trained decoder; nil draws them.
  public var head: StateDict?
  public var device: Device
  /// Threads that prepare batches. The result does not depend on it.
  public var loaderThreads: Int
  public var saveInterval: SaveInterval
  /// Whether to throw away the state or the result of an earlier run.
  public var restart: Bool
  /// Scores the model on held-out images, after every epoch; nil where there are none.
  public var validate: ((any Model) throws -> HeldOutResult)?

  public init(
    _ configuration: TrainingConfiguration, files: TrainingFiles, data: any ImageDataset,
    base: (weights: StateDict, name: String)? = nil, device: Device = .cpu, loaderThreads: Int = 1,
    saveInterval: SaveInterval = .seconds(30), restart: Bool = false,
    validate: ((any Model) throws -> HeldOutResult)? = nil
  ) {
    self.configuration = configuration
    self.files = files
    self.data = data
    self.base = base
    self.device = device
    self.loaderThreads = loaderThreads
    self.saveInterval = saveInterval
    self.restart = restart
    self.validate = validate
  }

  /// Trains to the end, or until `shouldStop` returns true after a step.
  /// - Throws: `TrainingError`; `DataError`, `TorchError` and `CheckpointError` from below. The last saved state stays.
  public func run(
    shouldStop: () -> Bool = { false }, progress: (TrainingProgress) throws -> Void = { _ in }
  ) throws -> TrainingOutcome {
    try configuration.validate()
    if configuration.keep == .best, validate == nil {
      throw TrainingError(.badConfiguration, "keeping the best model needs held-out images to choose by")
    }
    if try !restart && isFinished() {
      try removeState()
      try refuseMissingCheckpoints(epochs: Int(configuration.epochs))
      return .alreadyFinished
    }
    let saved = restart ? nil : try TrainingState(contentsOf: files.state)
    if let saved { try refuseDifferences(from: saved.configuration, in: files.state, "a run was interrupted") }
    try checkBranch()
    var session = try Session(self, continuing: saved)
    return try session.run(shouldStop: shouldStop, progress: progress)
  }

  /// The configuration of the interrupted run that `run` would continue, and the number of LibTorch threads that it used.
  public static func interrupted(at files: TrainingFiles) throws
    -> (configuration: TrainingConfiguration, threads: Int)?
  {
    try TrainingState(contentsOf: files.state).map { ($0.configuration, $0.threads) }
  }

  /// Whether the output is there and was made by this configuration.
  private func isFinished() throws -> Bool {
    guard FileManager.default.fileExists(atPath: files.output) else { return false }
    let metadata = try? Checkpoint(contentsOf: files.output).metadata
    guard let metadata, let provenance = Provenance(metadata: metadata) else {
      throw TrainingError(
        .outputExists, file: files.output,
        "'\(files.output)' exists and was not made by soup train; name another --output, or overwrite it with --restart"
      )
    }
    try refuseDifferences(from: provenance.configuration, in: files.output, "it was made")
    return true
  }

  private func refuseDifferences(from earlier: TrainingConfiguration, in file: String, _ what: String) throws {
    let differences = try configuration.differences(from: earlier)
    guard differences.isEmpty else {
      throw TrainingError(
        .differentConfiguration, file: file,
        "'\(file)': \(what) with other settings:\n  " + differences.joined(separator: "\n  ")
          + "\nUse those settings, name another --output, or start over with --restart")
    }
  }

  /// A branch needs the point that its configuration was made from.
  private func checkBranch() throws {
    guard branch?.fingerprint == configuration.branch?.fingerprint else {
      throw TrainingError(
        .badConfiguration, file: branch?.name,
        "the branch starts from \(branch?.fingerprint ?? "nothing"), its settings are for "
          + "\(configuration.branch?.fingerprint ?? "a run that is no branch")")
    }
  }

  /// States that branches were to start from can only be kept while the run passes them.
  fileprivate func refuseMissingCheckpoints(epochs: Int) throws {
    guard let checkpoints = files.checkpoints, epochs > 0 else { return }
    let first = Int(configuration.branch?.epoch ?? 0) + 1
    let missing = (min(first, epochs)...epochs).filter { $0 >= first && checkpoints.takes($0) }
      .map(files.checkpoint).filter { !FileManager.default.fileExists(atPath: $0) }
    guard missing.isEmpty else {
      throw TrainingError(
        .missingCheckpoint, file: missing[0],
        "the run has passed epochs whose states are not there: \(missing.joined(separator: ", "))\n"
          + "Leave --checkpoint-every away, or start over with --restart")
    }
  }

  private func removeState() throws {
    if FileManager.default.fileExists(atPath: files.state) { try FileManager.default.removeItem(atPath: files.state) }
  }
}

/// One call of `Trainer.run`: the live run, its logs, and where it stands.
private struct Session {
  private let trainer: Trainer
  private let run: TrainingRun
  private let loader: DataLoader
  private let plan: TrainingPlan
  private let log: TrainingLog
  private let tensorBoard: TensorBoardWriter?
  private var position: TrainingState.Position
  private var best: StateDict?
  private var lastSave = ContinuousClock.now

  /// Steps between two lines of the log.
  private static let logInterval = 20

  private var configuration: TrainingConfiguration { trainer.configuration }

  init(_ trainer: Trainer, continuing saved: TrainingState?) throws {
    let configuration = trainer.configuration
    self.trainer = trainer
    // Files of images draw their views while they are decoded.
    let images =
      try configuration.view.map { view in
        if trainer.data.drawsViews { return trainer.data }
        return try RandomViews(of: trainer.data, view, globalViews: configuration.objective?.views.global ?? 1)
      }
      ?? trainer.data
    guard images.count > 0 else { throw TrainingError(.badConfiguration, "there are no images to train on") }
    run = try TrainingRun(
      configuration, base: trainer.base?.weights, head: trainer.head, device: trainer.device,
      statisticsBatches: try Self.statisticsBatches(trainer, images))
    loader = try DataLoader(
      images, batchSize: configuration.batchSize, shuffleSeed: configuration.seed,
      augmentation: configuration.augmentation,
      mixup: configuration.mixup > 0 ? Mixup(alpha: configuration.mixup, seed: configuration.seed) : nil,
      dropLast: images.count >= configuration.batchSize, threads: trainer.loaderThreads, views: run.objective.views)
    let position = saved?.position ?? .init(step: trainer.branch?.step ?? 0)
    self.position = position
    best = saved?.best
    if let saved {
      try run.restore(saved)
    } else if let branch = trainer.branch {
      try run.branch(from: branch.state)
    }
    plan = TrainingPlan(
      parameters: (run.model.store.parameters + run.objective.head.parameters).reduce(0) {
        $0 + ($1.tensor.requiresGradient ? $1.tensor.count : 0)
      },
      trainingImages: trainer.data.count, stepsPerEpoch: loader.batchCount,
      totalSteps: TrainingConfiguration.steps(epochs: configuration.epochs, stepsPerEpoch: loader.batchCount),
      completedSteps: position.step)
    try trainer.refuseMissingCheckpoints(epochs: position.step / loader.batchCount)
    try configuration.checkAverages(plan)
    log = try TrainingLog(path: trainer.files.log, keeping: saved.map { _ in position.logBytes })
    tensorBoard = try trainer.files.tensorBoard.map {
      try TensorBoardWriter(folder: $0, keeping: saved.map { $0.position.tensorBoardBytes })
    }
    try log.write(
      event: saved == nil ? "start" : "resume",
      [
        "step": Double(position.step), "total_steps": Double(plan.totalSteps),
        "steps_per_epoch": Double(plan.stepsPerEpoch), "parameters": Double(plan.parameters),
      ])
  }

  /// An epoch of training images, augmented as in training, in an order that no epoch of the run has.
  private static func statisticsBatches(
    _ trainer: Trainer, _ images: any ImageDataset
  ) throws -> () throws -> (() throws -> Tensor?) {
    let configuration = trainer.configuration
    let loader = try DataLoader(
      images, batchSize: configuration.batchSize, shuffleSeed: configuration.seed,
      augmentation: configuration.augmentation, dropLast: images.count >= configuration.batchSize,
      threads: trainer.loaderThreads)
    return {
      let batches = loader.batches(epoch: Int(configuration.epochs.rounded(.up)))
      return { try batches.next().map { try Tensor($0.images, device: trainer.device) } }
    }
  }

  mutating func run(
    shouldStop: () -> Bool, progress: (TrainingProgress) throws -> Void
  ) throws -> TrainingOutcome {
    try progress(.started(plan))
    while position.step < plan.totalSteps {
      let epoch = position.step / plan.stepsPerEpoch
      let batches = loader.batches(epoch: epoch, startingAt: position.step % plan.stepsPerEpoch)
      var clock = ContinuousClock.now
      while position.step < plan.totalSteps, let batch = try batches.next() {
        let step = try self.step(batch)
        // Waiting for a batch counts; scoring and saving do not.
        position.seconds += (ContinuousClock.now - clock) / .seconds(1)
        defer { clock = .now }
        try progress(.step(step))
        if position.step % plan.stepsPerEpoch == 0 || position.step == plan.totalSteps {
          try validate(progress)
        }
        if position.step % plan.stepsPerEpoch == 0 { try keepCheckpoint(progress) }
        if position.step == plan.totalSteps { break }
        if shouldStop() {
          try save(progress)
          return .interrupted(step: position.step)
        }
        if isSaveDue { try save(progress) }
      }
    }
    return .finished(try finish(progress))
  }

  private mutating func step(_ batch: Batch) throws -> TrainingStep {
    let rate = configuration.learningRate(
      step: position.step, totalSteps: plan.totalSteps, stepsPerEpoch: plan.stepsPerEpoch)
    let (loss, norm) = try run.step(batch, position.step, of: plan, learningRate: rate)
    guard loss.isFinite else { throw diverged("the loss is \(loss) at step \(position.step + 1)") }
    position.step += 1
    position.lossSum += loss
    position.lossCount += 1
    try run.takeMoment(after: position.step, stepsPerEpoch: plan.stepsPerEpoch)
    let epoch = Double(position.step) / Double(plan.stepsPerEpoch)
    let step = TrainingStep(
      step: position.step, totalSteps: plan.totalSteps, epoch: epoch, loss: loss, learningRate: rate,
      gradientNorm: norm)
    if position.step % Self.logInterval == 0 || position.step == plan.totalSteps { try record(step) }
    return step
  }

  private mutating func record(_ step: TrainingStep) throws {
    let loss = position.lossSum / Double(max(position.lossCount, 1))
    position.lastLoss = loss
    position.lossSum = 0
    position.lossCount = 0
    var values: [String: Double] = [
      "step": Double(step.step), "epoch": step.epoch, "loss": loss, "learning_rate": step.learningRate,
      "images_per_second": imagesPerSecond,
    ]
    values["gradient_norm"] = step.gradientNorm
    try log.write(event: "train", values)
    let tags = ["loss", "learning_rate", "images_per_second", "gradient_norm"]
    try tensorBoard?.write(tags.compactMap { tag in values[tag].map { ("train/" + tag, $0) } }, step: step.step)
  }

  private var imagesPerSecond: Double {
    guard position.seconds > 0 else { return 0 }
    return Double((position.step - (configuration.branch?.step ?? 0)) * configuration.batchSize) / position.seconds
  }

  private mutating func validate(_ progress: (TrainingProgress) throws -> Void) throws {
    guard let validate = trainer.validate else { return }
    // The weights are taken while the model has them: its statistics may have been recomputed for this score.
    let isKeepingBest = configuration.keep == .best
    let (result, weights) = try run.withResult { model in
      let result = try validate(model)
      let isBest = isKeepingBest && position.best.map { result.top1 > $0.top1 } ?? true
      return (result, isBest ? try model.store.stateDict() : nil)
    }
    position.heldOut = result
    try log.write(
      event: "held-out", ["step": Double(position.step), "top1": result.top1, "loss": result.loss])
    try tensorBoard?.write(
      [("held-out/top1", result.top1), ("held-out/loss", result.loss)], step: position.step)
    if let weights {
      position.best = result
      position.bestStep = position.step
      best = weights
    }
    try progress(.heldOut(result, step: position.step))
  }

  private var isSaveDue: Bool {
    switch trainer.saveInterval {
    case .steps(let steps): steps > 0 && position.step % steps == 0
    case .seconds(let seconds): (ContinuousClock.now - lastSave) / .seconds(1) >= seconds
    }
  }

  private mutating func save(_ progress: (TrainingProgress) throws -> Void) throws {
    position.logBytes = log.byteCount
    position.tensorBoardBytes = tensorBoard?.byteCount ?? 0
    let state = try run.state(at: position, best: best)
    try refuseNonFinite(state.model)
    try refuseNonFinite(state.head)
    try log.synchronize()
    try tensorBoard?.synchronize()
    try state.write(to: trainer.files.state)
    lastSave = .now
    try progress(.saved(step: position.step))
  }

  /// Keeps a state that branches can start from. It holds nothing that differs between two equal runs.
  private func keepCheckpoint(_ progress: (TrainingProgress) throws -> Void) throws {
    let epoch = position.step / plan.stepsPerEpoch
    guard let checkpoints = trainer.files.checkpoints, checkpoints.takes(epoch) else { return }
    var state = try run.state(at: .init(step: position.step, epoch: Double(epoch)), best: nil)
    (state.swa, state.lawa, state.position.swaCount, state.position.lawaCount) = (nil, [], nil, nil)
    try refuseNonFinite(state.model)
    let path = trainer.files.checkpoint(epoch: epoch)
    try state.write(to: path)
    try progress(.checkpoint(path, epoch: epoch))
  }

  private mutating func finish(_ progress: (TrainingProgress) throws -> Void) throws -> TrainingSummary {
    let heldOut = configuration.keep == .best ? position.best : position.heldOut
    let steps = configuration.keep == .best ? position.bestStep ?? position.step : position.step
    let raw = try run.model.store.stateDict()
    try refuseNonFinite(raw)
    if let path = trainer.files.rawOutput {
      try write(raw, to: path, steps: position.step, averaged: false)
    }
    let last = { [run] in try run.withResult { try $0.store.stateDict() } }
    let result = try configuration.keep == .best ? best ?? last() : last()
    let averages = try RunAverage.allCases.compactMap { try write($0, progress) }
    let summary = TrainingSummary(
      steps: position.step, seconds: position.seconds, imagesPerSecond: imagesPerSecond,
      loss: position.lastLoss ?? .nan,
      heldOut: heldOut, averages: averages)
    var values = ["step": Double(position.step), "seconds": position.seconds, "images_per_second": imagesPerSecond]
    values["top1"] = heldOut?.top1
    try log.write(event: "end", values)
    try log.synchronize()
    try tensorBoard?.synchronize()
    try write(result, to: trainer.files.output, steps: steps, averaged: configuration.ema != nil)
    // Should a kill come between these two lines, the next start finds the output and removes the state.
    try? FileManager.default.removeItem(atPath: trainer.files.state)
    return summary
  }

  /// Scores and writes an average beside the result, if the configuration asks for it.
  private func write(
    _ average: RunAverage, _ progress: (TrainingProgress) throws -> Void
  ) throws -> RunAverageResult? {
    guard average == .swa ? configuration.swa != nil : configuration.lawa != nil else { return nil }
    let path = trainer.files.path(of: average)
    let result = try run.withAverage(average) { model, moments in
      let result = RunAverageResult(
        average: average, file: path, moments: moments, heldOut: try trainer.validate?(model))
      try write(
        model.store.stateDict(), to: path, steps: position.step, averaged: true, average: average, moments: moments)
      return result
    }
    guard let result else { return nil }
    var values = ["step": Double(position.step), "moments": Double(result.moments)]
    values["top1"] = result.heldOut?.top1
    values["loss"] = result.heldOut?.loss
    try log.write(event: average.rawValue, values)
    try progress(.averaged(result))
    return result
  }

  private func write(
    _ weights: StateDict, to path: String, steps: Int, averaged: Bool, average: RunAverage? = nil, moments: Int? = nil
  ) throws {
    var dict = weights
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    dict.metadata = [
      "format": "pt",
      "soup.version": SoupVersion.current,
      "soup.model": String(decoding: try encoder.encode(configuration.model), as: UTF8.self),
      DataConfiguration.key: String(decoding: try encoder.encode(configuration.data), as: UTF8.self),
      Provenance.key: try Provenance(
        configuration: configuration, base: trainer.base?.name, branch: trainer.branch?.name, steps: steps,
        averaged: averaged,
        average: average, moments: moments
      ).json(),
    ]
    dict.metadata[BranchConfiguration.key] = try configuration.branch.map {
      String(decoding: try encoder.encode($0), as: UTF8.self)
    }
    try CheckpointWriter.write(dict, to: path)
  }

  private func refuseNonFinite(_ weights: StateDict) throws {
    for (name, tensor) in weights where tensor.dtype.isFloatingPoint {
      if tensor.floats().contains(where: { !$0.isFinite }) {
        throw diverged("'\(name)' is no longer finite after step \(position.step)")
      }
    }
  }

  private func diverged(_ what: String) -> TrainingError {
    let kept =
      FileManager.default.fileExists(atPath: trainer.files.state)
      ? "The last good state is kept in '\(trainer.files.state)'." : "No state had been saved yet."
    return TrainingError(
      .diverged, file: trainer.files.state,
      "training diverged: \(what) of \(plan.totalSteps) (epoch \(position.step / plan.stepsPerEpoch + 1)). \(kept) "
        + "Start over (--restart) with a lower learning rate, a warm-up or --clip-norm 1")
  }
}

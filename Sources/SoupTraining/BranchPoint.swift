import Foundation
import SoupTensors

/// A trunk's state that a branch starts from, as `soup train --checkpoint-every` keeps them.
///
/// ```swift
/// let point = try BranchPoint(contentsOf: "trunk-epoch-50.state")
/// let configuration = try point.configuration(scales: .init(learningRate: 0.7), seed: 43)
/// var trainer = Trainer(configuration, files: .init(output: "50_1.safetensors"), data: train)
/// trainer.branch = point
/// ```
public struct BranchPoint {
  /// Name of the file, for the provenance.
  public let name: String
  /// How the trunk is trained.
  public let trunk: TrainingConfiguration
  /// Steps of the trunk behind this point.
  public let step: Int
  /// Epochs of the trunk behind this point.
  public let epoch: Double
  /// Identifies weights and optimizer state.
  public let fingerprint: String
  let state: TrainingState

  /// - Throws: `TrainingError.Code.damagedState` if the file is absent or holds no state.
  public init(contentsOf path: String) throws {
    guard
      let state = try TrainingState(contentsOf: path, advice: "Name a state that soup train --checkpoint-every wrote")
    else {
      throw TrainingError(
        .damagedState, file: path,
        "there is no '\(path)' to branch from; soup train --checkpoint-every N writes such states")
    }
    guard let epoch = state.position.epoch else {
      throw TrainingError(
        .damagedState, file: path,
        "'\(path)' is the state of an interrupted run, not one to branch from; soup train --checkpoint-every N writes those"
      )
    }
    self.state = state
    self.epoch = epoch
    name = URL(fileURLWithPath: path).lastPathComponent
    trunk = state.configuration
    step = state.position.step
    var all = state.model
    for (name, tensor) in state.optimizer { try all.add("optimizer." + name, tensor) }
    fingerprint = WeightFingerprint(all).description
  }

  /// The trunk's configuration with what a branch changes.
  /// - Parameters:
  ///   - epochs: where the branch ends, counted from the trunk's start; nil is where the trunk's schedule ends.
  ///   - extraEpochs: epochs past that end (see `TrainingConfiguration.learningRate`).
  ///   - seed: of the order of the images, augmentation, mixup and drop path from here on.
  /// - Throws: `TrainingError.Code.badConfiguration` with every problem.
  public func configuration(
    scales: BranchScales = .init(), epochs: Double? = nil, extraEpochs: Double = 0, seed: UInt64,
    keep: TrainingConfiguration.Keep = .last, swa: SWAConfiguration? = nil, lawa: LAWAConfiguration? = nil,
    averageStatistics: AverageStatistics? = nil
  ) throws(TrainingError) -> TrainingConfiguration {
    var configuration = trunk
    let length = trunk.branch?.trunkEpochs ?? trunk.epochs
    configuration.optimizer = try scales(trunk.optimizer)
    configuration.branch = BranchConfiguration(
      fingerprint: fingerprint, epoch: epoch, step: step, scales: scales, trunkEpochs: length,
      trunkLearningRate: trunk.branch?.trunkLearningRate ?? trunk.optimizer.learningRate)
    configuration.epochs = (epochs ?? length) + extraEpochs
    configuration.seed = seed
    configuration.keep = keep
    configuration.swa = swa
    configuration.lawa = lawa
    configuration.averageStatistics = averageStatistics ?? (trunk.ema == nil ? nil : trunk.averageStatistics)
    if (epochs ?? 0) > length {
      throw TrainingError(
        .badConfiguration,
        "the trunk's schedule ends after \(length) epochs, the branch would train \(epochs ?? 0); "
          + "--extra-epochs \((epochs ?? 0) - length) trains on, with the rate rising again from 0")
    }
    if configuration.epochs <= epoch {
      throw TrainingError(
        .badConfiguration,
        "the branch starts after \(epoch) epochs and would end after \(configuration.epochs); "
          + "name a later end (--epochs) or --extra-epochs")
    }
    return configuration
  }
}

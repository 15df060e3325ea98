import Foundation
import SoupData
import SoupModels
import SoupTorch

/// Everything that decides which weights a run ends with. Two runs of equal configurations on one machine, with the same
/// number of LibTorch threads, give the same bytes.
///
/// What does not change the result (where it is saved and logged, how often, how many threads prepare the data) is in
/// `TrainingFiles` and in the data loader.
public struct TrainingConfiguration: Codable, Sendable, Hashable {
  public var model: ModelConfiguration
  public var data: DataConfiguration
  /// The weights that training starts from; nil starts from the architecture's own random initialisation.
  public var base: BaseConfiguration?
  /// Where this run left another's, which it continues with other settings; nil starts at step 0.
  public var branch: BranchConfiguration?
  /// What is minimised in place of the cross-entropy of labels; nil is supervised training.
  public var objective: ObjectiveConfiguration?
  /// Which images are trained on; nil for all training images as they are.
  public var images: ImageChoice?
  /// Passes over the training images; a fraction is a part of a pass.
  public var epochs: Double
  /// Images per step. The last, smaller batch of an epoch is dropped.
  public var batchSize: Int
  public var optimizer: OptimizerConfiguration
  /// Learning rate by step, from `optimizer.learningRate` at its highest.
  public var schedule: Schedule
  /// Random changes of the training images.
  public var augmentation: [Augmentation]
  /// Random views of the images, before `augmentation`; nil takes those in memory as they are, files as their data set says.
  public var view: TrainingView?
  /// Probability mass spread evenly over all classes, 0..<1.
  public var labelSmoothing: Double
  /// Parameter of the Beta distribution that mixup draws from; 0 turns it off.
  public var mixup: Double
  /// Largest probability of dropping a residual branch (transformers; it grows linearly with depth).
  public var dropPath: Double
  /// Dtype of the forward and backward computation; weights and optimizer state stay Float32.
  public var precision: Precision
  /// Decay per step of the moving average of the weights, which is then the result; nil turns it off.
  public var ema: Double?
  /// Stochastic weight averaging, written beside the result; nil turns it off.
  public var swa: SWAConfiguration?
  /// Latest weight averaging, written beside the result; nil turns it off.
  public var lawa: LAWAConfiguration?
  /// Running statistics of the averages; nil recomputes those of SWA, and averages those of EMA and LAWA.
  public var averageStatistics: AverageStatistics?
  /// Largest L2 norm of the whole gradient; nil does not clip.
  public var clipNorm: Double?
  /// Which weights are the result.
  public var keep: Keep
  /// Seed of the initialisation, the order of the images, augmentation, mixup and drop path.
  public var seed: UInt64

  public enum Keep: String, Codable, Sendable, CaseIterable {
    /// Those after the last step.
    case last
    /// Those after the epoch with the highest held-out accuracy, the first of equals.
    case best
  }

  private enum CodingKeys: String, CodingKey {
    case model, data, base, branch, objective, images, epochs
    case batchSize = "batch_size"
    case optimizer, schedule, augmentation, view
    case labelSmoothing = "label_smoothing"
    case mixup
    case dropPath = "drop_path"
    case precision, ema, swa, lawa
    case averageStatistics = "average_statistics"
    case clipNorm = "clip_norm"
    case keep, seed
  }

  public init(
    model: ModelConfiguration, data: DataConfiguration, base: BaseConfiguration? = nil,
    objective: ObjectiveConfiguration? = nil, images: ImageChoice? = nil, epochs: Double = 10,
    batchSize: Int = 128, optimizer: OptimizerConfiguration = .sgd(), schedule: Schedule = .cosine,
    augmentation: [Augmentation] = [], view: TrainingView? = nil, labelSmoothing: Double = 0, mixup: Double = 0,
    dropPath: Double = 0, precision: Precision = .float32, ema: Double? = nil, swa: SWAConfiguration? = nil,
    lawa: LAWAConfiguration? = nil, averageStatistics: AverageStatistics? = nil, clipNorm: Double? = nil,
    keep: Keep = .last, seed: UInt64 = 0
  ) {
    self.model = model
    self.data = data
    self.base = base
    self.objective = objective
    self.images = images
    self.epochs = epochs
    self.batchSize = batchSize
    self.optimizer = optimizer
    self.schedule = schedule
    self.augmentation = augmentation
    self.view = view
    self.labelSmoothing = labelSmoothing
    self.mixup = mixup
    self.dropPath = dropPath
    self.precision = precision
    self.ema = ema
    self.swa = swa
    self.lawa = lawa
    self.averageStatistics = averageStatistics
    self.clipNorm = clipNorm
    self.keep = keep
    self.seed = seed
  }

  /// Steps in an epoch: the last, smaller batch is dropped, unless it is the only one.
  public static func stepsPerEpoch(images: Int, batchSize: Int) -> Int {
    images >= batchSize ? images / max(batchSize, 1) : min(images, 1)
  }

  /// Steps in a number of epochs, at least one.
  static func steps(epochs: Double, stepsPerEpoch: Int) -> Int {
    max(1, Int((epochs * Double(stepsPerEpoch)).rounded()))
  }

  /// The learning rate of a step, counted from 0: the schedule's, or from its start on that of `swa`.
  ///
  /// A branch follows the trunk's schedule over the trunk's length, scaled. Steps past that end have the rate of the
  /// document's scheduler: a cosine goes on into its next period, `(1 − cos(π·(s − S)/S))/2` of the trunk's unscaled rate.
  public func learningRate(step: Int, totalSteps: Int, stepsPerEpoch: Int) -> Double {
    let length = branch.map { Self.steps(epochs: $0.trunkEpochs, stepsPerEpoch: stepsPerEpoch) } ?? totalSteps
    func scheduled(_ step: Int) -> Double {
      if let branch, step > length, schedule.isCosine {
        return branch.trunkLearningRate * (1 - cos(.pi * Double(step - length) / Double(length))) / 2
      }
      return schedule.learningRate(base: optimizer.learningRate, step: step, totalSteps: length)
    }
    guard let swa else { return scheduled(step) }
    return swa.learningRate(
      step: step, scheduled: scheduled(swa.startStep(stepsPerEpoch: stepsPerEpoch)), stepsPerEpoch: stepsPerEpoch)
      ?? scheduled(step)
  }

  /// Checks every range.
  /// - Throws: `TrainingError.Code.badConfiguration` with one line for each setting that is out of range.
  public func validate() throws(TrainingError) {
    var problems: [String] = []
    func require(_ condition: Bool, _ text: String) { if !condition { problems.append(text) } }
    require(epochs > 0 && epochs.isFinite, "epochs must be above 0, found \(epochs)")
    require(batchSize > 0, "batch size must be at least 1, found \(batchSize)")
    require((0..<1).contains(labelSmoothing), "label smoothing must be in 0..<1, found \(labelSmoothing)")
    require(mixup >= 0 && mixup.isFinite, "mixup must be 0 or more, found \(mixup)")
    require((0..<1).contains(dropPath), "drop path must be in 0..<1, found \(dropPath)")
    if let ema { require((0..<1).contains(ema), "EMA decay must be in 0..<1, found \(ema)") }
    if let clipNorm { require(clipNorm > 0, "clip norm must be above 0, found \(clipNorm)") }
    if let swa { require(swa.start < epochs, "SWA must start before the last epoch, \(epochs), found \(swa.start)") }
    require(
      averageStatistics == nil || ema != nil || swa != nil || lawa != nil,
      "running statistics of averages go with EMA, SWA or LAWA")
    if objective != nil {
      require(labelSmoothing == 0 && mixup == 0, "label smoothing and mixup are for supervised training")
      require(keep == .last, "only supervised training has a held-out accuracy to keep the best model by")
    } else {
      require(model.classes > 0, "supervised training needs a classifier; the model has none (classes=0)")
    }
    problems +=
      data.problems + optimizer.problems + (branch?.problems ?? []) + (swa?.problems ?? []) + (lawa?.problems ?? [])
    problems += objective?.problems ?? []
    guard problems.isEmpty else {
      throw TrainingError(.badConfiguration, problems.joined(separator: "\n"))
    }
  }
}

/// Which images a run sees, and which it must not. Checkpoints carry it in their metadata, and a soup of checkpoints that
/// agree on it keeps it, so that what was held out from all of them is known later.
public struct DataConfiguration: Codable, Sendable, Hashable {
  /// The metadata key.
  public static let key = "soup.data"

  /// The dataset's name, without the folder it was read from.
  public var dataset: String
  /// CRC-32 of its training images and labels (`MemoryDataset.checksum`), in hexadecimal.
  public var checksum: String
  /// Fraction of the training images that is held out to choose models by.
  public var heldOut: Double
  /// Seed of the choice of held-out images.
  public var splitSeed: UInt64

  public init(dataset: String, checksum: String, heldOut: Double = 0.1, splitSeed: UInt64 = 0) {
    self.dataset = dataset
    self.checksum = checksum
    self.heldOut = heldOut
    self.splitSeed = splitSeed
  }

  /// Reads it from a checkpoint's metadata; nil if it is absent or of another shape.
  public init?(metadata: [String: String]) {
    guard let text = metadata[Self.key],
      let value = try? JSONDecoder().decode(DataConfiguration.self, from: Data(text.utf8))
    else { return nil }
    self = value
  }

  var problems: [String] {
    (0..<1).contains(heldOut) ? [] : ["the held-out fraction must be in 0..<1, found \(heldOut)"]
  }

  private enum CodingKeys: String, CodingKey {
    case dataset, checksum
    case heldOut = "held_out"
    case splitSeed = "split_seed"
  }
}

/// The weights that fine-tuning starts from.
public struct BaseConfiguration: Codable, Sendable, Hashable {
  /// Fingerprint of the starting weights; the file may be moved or renamed.
  public var fingerprint: String
  /// Whether the classifier was initialised anew.
  public var resetHead: Bool

  public init(fingerprint: String, resetHead: Bool = false) {
    self.fingerprint = fingerprint
    self.resetHead = resetHead
  }

  private enum CodingKeys: String, CodingKey {
    case fingerprint
    case resetHead = "reset_head"
  }
}

extension TrainingConfiguration {
  /// Refuses averages that a run of this length takes nothing into.
  /// - Throws: `TrainingError.Code.badConfiguration`
  func checkAverages(_ plan: TrainingPlan) throws(TrainingError) {
    func isEmpty(_ takes: (Int) -> Bool) -> Bool { !(1...plan.totalSteps).contains(where: takes) }
    var problems: [String] = []
    if let swa, isEmpty({ swa.averages(after: $0, stepsPerEpoch: plan.stepsPerEpoch) }) {
      problems.append("SWA from epoch \(swa.start) on averages nothing")
    }
    if let lawa, isEmpty({ lawa.takes(after: $0, stepsPerEpoch: plan.stepsPerEpoch) }) {
      problems.append("LAWA every \(lawa.every) averages nothing")
    }
    guard problems.isEmpty else {
      throw TrainingError(
        .badConfiguration,
        problems.joined(separator: "\n")
          + "\nThe run has \(plan.totalSteps) steps, \(plan.stepsPerEpoch) an epoch; start earlier or take them more often"
      )
    }
  }
}

/// What a run tells while it goes on.
public enum TrainingProgress: Sendable {
  /// Before the first step, also of a resumed run.
  case started(TrainingPlan)
  case step(TrainingStep)
  case heldOut(HeldOutResult, step: Int)
  /// At the end, for each average that is written beside the result.
  case averaged(RunAverageResult)
  /// The state was saved; a kill loses only what follows.
  case saved(step: Int)
  /// A state that branches can start from was kept in a file.
  case checkpoint(String, epoch: Int)
}

/// What a run will do.
public struct TrainingPlan: Codable, Sendable, Hashable {
  /// Trained numbers in the model and in the objective's head.
  public let parameters: Int
  public let trainingImages: Int
  public let stepsPerEpoch: Int
  public let totalSteps: Int
  /// Steps that an earlier, interrupted run has done.
  public let completedSteps: Int
}

/// One optimizer step.
public struct TrainingStep: Codable, Sendable, Hashable {
  /// Steps done, this one included.
  public let step: Int
  public let totalSteps: Int
  /// Passes over the training images done.
  public let epoch: Double
  /// The loss that was minimised, with smoothing and mixup.
  public let loss: Double
  public let learningRate: Double
  /// L2 norm of the gradient before clipping; nil when it is not clipped and so not measured.
  public let gradientNorm: Double?
}

/// How a model does on the images that are held out of training.
public struct HeldOutResult: Codable, Sendable, Hashable {
  /// Fraction of images classified right.
  public var top1: Double
  /// Mean cross-entropy in nats.
  public var loss: Double

  public init(top1: Double, loss: Double) {
    self.top1 = top1
    self.loss = loss
  }
}

/// How a call of `Trainer.run` ended.
public enum TrainingOutcome: Sendable {
  case finished(TrainingSummary)
  /// The output was there already, made by an equal configuration.
  case alreadyFinished
  /// Asked to stop; the same command continues after `step`.
  case interrupted(step: Int)
}

/// A finished run in numbers.
public struct TrainingSummary: Codable, Sendable, Hashable {
  public let steps: Int
  /// Seconds of training, over all the runs that it took.
  public let seconds: Double
  /// Training images per second.
  public let imagesPerSecond: Double
  /// Mean loss over the last logged steps.
  public let loss: Double
  /// The result's score on held-out images, if there are any.
  public let heldOut: HeldOutResult?
  /// What was written beside the result.
  public let averages: [RunAverageResult]
}

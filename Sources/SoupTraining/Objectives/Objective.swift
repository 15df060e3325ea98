import SoupModels
import SoupTensors
import SoupTorch

/// What training minimises: a loss over one batch, with the parameters that it needs beside the model's.
///
/// The model is the ingredient; `head` (a decoder, a projector, a predictor) is trained with it and thrown away at the end.
public protocol Objective: AnyObject {
  /// Independent random views that it takes of each image; `TrainingBatch.views` has as many tensors.
  var views: Int { get }
  /// Parameters of its own, trained with their own learning rate and warm-up. Empty for supervised training.
  var head: ParameterStore { get }

  /// Called once with a model that starts from new weights, not from a base: gives it the first values that the objective's
  /// source starts from.
  func initialize(_ model: any Model) throws

  /// The loss of one batch before the step: a float32 scalar with gradients to the model and to `head`.
  ///
  /// Called under autocast with the run's precision. What bfloat16 would spoil (singular values, contrastive logits,
  /// characteristic functions) is computed in float32.
  func loss(_ model: any Model, _ batch: TrainingBatch) throws -> Tensor

  /// What a run needs to go on, beside the model and `head`: momentum copies. Empty if there is none.
  func state() throws -> StateDict
  func restore(_ state: StateDict) throws
}

extension Objective {
  public func initialize(_ model: any Model) throws {}
  public func state() throws -> StateDict { StateDict() }
  public func restore(_ state: StateDict) throws {}
}

/// One batch as an objective sees it.
public struct TrainingBatch {
  /// Normalised float32 images `[N, C, H, W]`, one tensor per view.
  public var views: [Tensor]
  /// Integer labels `[N]` or soft targets `[N, classes]`.
  public var targets: Tensor
  /// Positions of the images in the data set.
  public var indices: [Int]
  /// Steps done before this one, and in all.
  public var step: Int
  public var totalSteps: Int
  /// Passes over the images before this step, with its fraction, and in all.
  public var epoch: Double
  public var totalEpochs: Double
  /// The random numbers of this step: a function of the run's seed and of `step` alone.
  public var random: CounterGenerator

  public init(
    views: [Tensor], targets: Tensor, indices: [Int], step: Int, totalSteps: Int, epoch: Double, totalEpochs: Double,
    random: CounterGenerator
  ) {
    self.views = views
    self.targets = targets
    self.indices = indices
    self.step = step
    self.totalSteps = totalSteps
    self.epoch = epoch
    self.totalEpochs = totalEpochs
    self.random = random
  }
}

import SoupModels
import SoupTorch

/// Cross-entropy of the model's logits against labels: what training minimises unless another objective is asked for.
final class SupervisedObjective: Objective {
  let views = 1
  let head: ParameterStore
  private let labelSmoothing: Double

  init(labelSmoothing: Double, generator: RandomGenerator, device: Device) {
    head = ParameterStore(generator: generator, device: device)
    self.labelSmoothing = labelSmoothing
  }

  func loss(_ model: any Model, _ batch: TrainingBatch) throws -> Tensor {
    try crossEntropy(
      model(batch.views[0], training: true), labels: batch.targets, labelSmoothing: labelSmoothing)
  }
}

import SoupTensors
import SoupTorch

/// An image encoder: a network that turns images into features, and mostly a linear classifier on them.
public protocol Model: Network {
  var configuration: ModelConfiguration { get }
  /// The last layer, features → logits; nil for an encoder without one (`classes=0`).
  var classifier: Linear? { get }

  /// What the classifier sees.
  /// - Parameters:
  ///   - images: `[N, C, H, W]`, normalised, float32
  ///   - training: whether batch norms use the batch's statistics and drop path drops
  /// - Returns: `[N, D]`
  func features(_ images: Tensor, training: Bool) throws -> Tensor

  /// A snapshot of the current weights for prediction: batch norms folded into convolutions, activations and residuals
  /// fused, weights packed for the processor. It computes what `self(images, training: false)` computes, without gradients.
  /// - Parameters:
  ///   - precision: bfloat16 halves memory traffic and is faster where `Torch.supportsFastBFloat16`
  ///   - batchSize: number of images per call as it will mostly be, to pack weights for; any other works too
  func inference(precision: Precision, batchSize: Int) throws -> any InferenceModel
}

extension Network {
  public func inference(precision: Precision) throws -> any InferenceModel {
    try inference(precision: precision, batchSize: 128)
  }
}

/// A network ready for prediction and nothing else.
public protocol InferenceModel: AnyObject {
  /// `[N, C, H, W]` normalised float32 → logits `[N, classes]`, float32; features `[N, D]` of a model without a classifier.
  func callAsFunction(_ images: Tensor) throws -> Tensor

  /// `[N, C, H, W]` normalised float32 → what the classifier sees, `[N, D]`, float32.
  /// - Throws: `ModelError.noFeatures` where only logits can be asked for.
  func features(_ images: Tensor) throws -> Tensor
}

extension Network {
  /// This network as one that says what its classifier sees.
  /// - Throws: `ModelError.noFeatures`.
  public func encoder() throws(ModelError) -> any Model {
    guard let model = self as? any Model else { throw .withoutFeatures }
    return model
  }
}

extension ModelError {
  static var withoutFeatures: ModelError {
    ModelError(
      .noFeatures,
      "a TorchScript module gives logits only, and nearest neighbours and probes need the features before the classifier; "
        + "use a checkpoint of an architecture known here, one of "
        + Architecture.allCases.map(\.rawValue).joined(separator: ", "))
  }
}

extension Model {
  /// `[N, C, H, W]` normalised float32 → logits `[N, classes]`.
  /// - Throws: `ModelError.noClassifier` for an encoder without one.
  public func callAsFunction(_ images: Tensor, training: Bool) throws -> Tensor {
    guard let classifier else { throw ModelError.noClassifier(configuration) }
    return try classifier(features(images, training: training))
  }

  public func problems(channels: Int, classes: Int) -> [String] {
    var problems: [String] = []
    if configuration.channels != channels {
      problems.append("\(configuration.channels) channels, the images \(channels)")
    }
    if configuration.classes == 0 {
      problems.append("no classifier; soup probe fits one, soup train --reset-head trains one")
    } else if configuration.classes != classes {
      problems.append("\(configuration.classes) classes, the data \(classes)")
    }
    return problems
  }

  /// Writes new values into the classifier, drawn as in a new model: for fine-tuning on other classes.
  public func resetClassifier() throws {
    let fresh = try makeModel(configuration, generator: store.generator)
    for (old, new) in [
      (classifier?.weight, fresh.classifier?.weight), (classifier?.bias, fresh.classifier?.bias),
    ] {
      if let old, let new { try old.copy(from: new.host()) }
    }
  }
}

/// Builds a model with new weights.
/// - Parameters:
///   - configuration: which network; it is validated first
///   - dropPath: probability with which the last block of a ViT drops its residual branches in training, rising linearly
///     from 0 at the first block (stochastic depth). ResNets have none.
///   - generator: where initial weights and drop path come from; the same seed gives the same model
/// - Throws: `ModelError` for a configuration that cannot be built.
public func makeModel(
  _ configuration: ModelConfiguration, dropPath: Double = 0, generator: RandomGenerator, device: Device = .cpu
) throws -> any Model {
  try configuration.validate()
  guard dropPath >= 0, dropPath < 1 else {
    throw ModelError(.invalidOption, "drop path is a probability in 0..<1, found \(dropPath)")
  }
  if configuration.transformer != nil {
    return try VisionTransformer(configuration, dropPath: dropPath, generator: generator, device: device)
  }
  guard dropPath == 0 else {
    throw ModelError(
      .invalidOption, "drop path \(dropPath): '\(configuration.architecture.rawValue)' has none, ViTs have")
  }
  return try ResNet(configuration, generator: generator, device: device)
}

extension ModelConfiguration {
  /// Refuses images that are not of this model.
  /// - Parameter anySize: whether height and width are free
  func check(_ images: Tensor, anySize: Bool) throws(ModelError) {
    let shape = images.shape
    guard shape.count == 4, shape[1] == channels, anySize || (shape[2] == imageSize && shape[3] == imageSize) else {
      let size = anySize ? "H, W" : "\(imageSize), \(imageSize)"
      throw ModelError(
        .imageShape, "model '\(self)' takes images of shape [N, \(channels), \(size)], found \(shape)")
    }
  }
}

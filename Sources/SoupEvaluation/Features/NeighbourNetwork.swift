import SoupData
import SoupModels
import SoupTensors
import SoupTorch

/// A network that classifies by a vote of the nearest labelled images rather than by its own classifier, which takes no part: it
/// judges encoders that have none.
///
/// Its logits are logarithms of shares of the vote, so that everything which scores a network scores this: evaluators, shifts,
/// searches. Each snapshot for prediction first runs over the bank with the weights of that moment.
public final class NeighbourNetwork: Network {
  /// The network whose features count; loading weights into `store` loads them into it.
  public let encoder: any Model
  public let bank: FeatureExtractor
  public let vote: NeighbourVote
  /// Called with the number of images of the bank done.
  public var progress: (Int) throws -> Void = { _ in }
  /// Called when a model turns out to give every image of the bank the same features.
  public var foundConstantFeatures: () -> Void = {}
  private let labels: [Int]

  /// - Parameter bank: labelled images, by custom those of training without augmentation.
  /// - Throws: `ModelError.noFeatures`; `EvaluationError.Code.unsupported` for fewer images than neighbours.
  public init(_ network: any Network, bank: FeatureExtractor, vote: NeighbourVote = NeighbourVote()) throws {
    encoder = try network.encoder()
    try vote.validate(bank: bank.data.count)
    self.bank = bank
    self.vote = vote
    labels = (0..<bank.data.count).map(bank.data.label(at:))
  }

  public var store: ParameterStore { encoder.store }
  public var batchNorms: [BatchNorm2d] { encoder.batchNorms }

  public func problems(channels: Int, classes: Int) -> [String] {
    var problems: [String] = []
    let expected = encoder.configuration.channels
    if expected != channels { problems.append("\(expected) channels, the images \(channels)") }
    if bank.data.classCount != classes { problems.append("\(bank.data.classCount) classes, the data \(classes)") }
    return problems
  }

  public func callAsFunction(_ images: Tensor, training: Bool) throws -> Tensor {
    // Recomputing statistics of batch norm needs the activations alone.
    if training { return try encoder.features(images, training: true) }
    let predict = try inference(precision: .float32, batchSize: images.shape[0])
    return try predict(images)
  }

  public func inference(precision: Precision, batchSize: Int) throws -> any InferenceModel {
    let model = try encoder.inference(precision: precision, batchSize: batchSize)
    let features = try bank(model, progress: progress)
    let known = try NeighbourBank(features: features, labels: labels, classes: bank.data.classCount, vote: vote)
    if try known.isConstant { foundConstantFeatures() }
    return Inference(model: model, bank: known)
  }

  private final class Inference: InferenceModel {
    let model: any InferenceModel
    let bank: NeighbourBank

    init(model: any InferenceModel, bank: NeighbourBank) {
      self.model = model
      self.bank = bank
    }

    func callAsFunction(_ images: Tensor) throws -> Tensor { try Tensor(bank(model.features(images))) }

    func features(_ images: Tensor) throws -> Tensor { try model.features(images) }
  }
}

import SoupTensors
import SoupTorch

/// Labelled images by one model's features, which classify others by a vote of the nearest.
public struct NeighbourBank {
  public let vote: NeighbourVote
  /// `[M, D]`, rows of length 1.
  private let features: Tensor
  private let labels: [Int]
  private let classes: Int

  /// - Parameters:
  ///   - features: `[M, D]` float32; normalised here.
  ///   - labels: M classes in `0..<classes`.
  /// - Throws: `EvaluationError.Code.unsupported` for fewer images than neighbours, or images of one class only: every vote would
  ///   name it.
  public init(features: Tensor, labels: [Int], classes: Int, vote: NeighbourVote = NeighbourVote()) throws {
    guard features.rank == 2, features.shape[0] == labels.count, labels.allSatisfy((0..<classes).contains) else {
      throw EvaluationError(
        .shape,
        "a bank of \(labels.count) labels in \(classes) classes needs features [\(labels.count), D], found "
          + "\(features.shape)")
    }
    try vote.validate(bank: labels.count)
    guard Set(labels).count > 1 else {
      throw EvaluationError(
        .unsupported,
        "all \(labels.count) images of the bank are of class \(labels[0]), so that every vote names it; give images of "
          + "several classes")
    }
    self.vote = vote
    self.features = try withoutGradients { try features.to(.float32).normalizedRows() }
    self.labels = labels
    self.classes = classes
  }

  /// Whether all images have the same direction, to 1e-5: neighbours then mean nothing.
  public var isConstant: Bool {
    get throws {
      let spread = try withoutGradients { try (features.max(over: [0]) - features.min(over: [0])).max().item() }
      return spread < 1e-5
    }
  }

  /// The logarithm of each class's share of the vote: `[N, classes]`, as logits.
  /// - Parameter queries: `[N, D]` float32.
  public func callAsFunction(_ queries: Tensor) throws -> HostTensor {
    let near = try withoutGradients { try queries.to(.float32).normalizedRows().nearest(vote.neighbours, in: features) }
    let values = try near.values.host().floats()
    let places = try near.indices.host().withUnsafeBytes { Array($0.bindMemory(to: Int64.self)) }
    let k = vote.neighbours
    var shares: [Float] = []
    shares.reserveCapacity(values.count / k * classes)
    for start in stride(from: 0, to: values.count, by: k) {
      let votes = places[start..<start + k].map { $0 < 0 ? -1 : labels[Int($0)] }
      shares += vote.logShares(similarities: values[start..<start + k], votes: votes, classes: classes)
    }
    return try HostTensor(floats: shares, shape: [values.count / k, classes])
  }
}

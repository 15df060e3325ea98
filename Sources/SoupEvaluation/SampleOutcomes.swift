import SoupTensors

/// How a model did on a set of images, and on each of them: what paired comparisons are made of.
public struct SampleOutcomes: Sendable, Hashable {
  public var score: Score
  /// Whether the highest logit of each image is its label's.
  public var correct: [Bool]
  /// Cross-entropy of each image in nats; NaN where a logit is not finite.
  public var losses: [Float]

  /// - Parameters:
  ///   - logits: `[N, classes]`, any floating dtype.
  ///   - labels: `N` class indices.
  ///   - targets: as for `Score`.
  /// - Throws: as `Score.init(logits:labels:targets:)`.
  public init(logits: HostTensor, labels: [Int], targets: [[Int]]? = nil) throws(EvaluationError) {
    self = try Score.sum(logits: logits, labels: labels, targets: targets).outcomes
  }

  init(score: Score, correct: [Bool], losses: [Float]) {
    self.score = score
    self.correct = correct
    self.losses = losses
  }
}

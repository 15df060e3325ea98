import Foundation

/// A score that grows batch by batch, and what it says of every image. Memory is a few bytes an image; logits are not kept.
struct ScoreSum {
  let classes: Int
  private(set) var correct: [Bool] = []
  /// Nats; NaN where a logit is not finite.
  private(set) var losses: [Float] = []
  private var confidences: [Confidence] = []
  private var right1 = 0
  private var right5 = 0
  private var broken = 0
  private var loss = 0.0
  private var rightOfClass: [Int]
  private var countOfClass: [Int]

  init(classes: Int, images: Int = 0) {
    self.classes = classes
    rightOfClass = Array(repeating: 0, count: classes)
    countOfClass = Array(repeating: 0, count: classes)
    correct.reserveCapacity(images)
    losses.reserveCapacity(images)
    confidences.reserveCapacity(images)
  }

  /// - Parameters:
  ///   - row: logits of one image, one for each class.
  ///   - label: in `0..<classes`.
  ///   - targets: every class that counts as right, where that is not the label alone.
  mutating func add(_ row: ArraySlice<Float>, label: Int, targets: [Int]? = nil) {
    countOfClass[label] += 1
    let found =
      targets.map { Prediction(row: row, targets: $0) } ?? Prediction(row: row, targets: CollectionOfOne(label))
    guard let prediction = found else {
      broken += 1
      loss = .nan
      confidences.append(Confidence(value: 0, right: false))
      correct.append(false)
      losses.append(.nan)
      return
    }
    let isRight = prediction.rank == 0
    if isRight {
      right1 += 1
      rightOfClass[label] += 1
    }
    if prediction.rank < 5 { right5 += 1 }
    loss += prediction.loss
    confidences.append(Confidence(value: prediction.confidence, right: isRight))
    correct.append(isRight)
    losses.append(Float(prediction.loss))
  }

  /// The score of all images so far.
  /// - Precondition: there is one.
  var score: Score {
    let total = Double(correct.count)
    return Score(
      top1: Double(right1) / total, top5: Double(right5) / total, loss: loss / total,
      ece: CalibrationError(.equalMass).value(of: confidences),
      eceEqualWidth: CalibrationError(.equalWidth).value(of: confidences),
      perClass: zip(rightOfClass, countOfClass).map { Double($0) / Double($1) }, count: correct.count,
      nonFinite: broken)
  }

  var outcomes: SampleOutcomes { SampleOutcomes(score: score, correct: correct, losses: losses) }
}

/// What one row of logits says about the classes that are right; nil when a logit is not finite.
private struct Prediction {
  /// Number of classes ranked above the best of them.
  let rank: Int
  /// Probability of the highest class.
  let confidence: Double
  /// Of any of them.
  let loss: Double

  /// - Parameter targets: at least one.
  init?(row: ArraySlice<Float>, targets: some Collection<Int>) {
    guard row.allSatisfy(\.isFinite), let highest = row.max() else { return nil }
    var label = targets.first!
    for target in targets.dropFirst() {
      let (new, old) = (row[row.startIndex + target], row[row.startIndex + label])
      if new > old || (new == old && target < label) { label = target }
    }
    let own = row[row.startIndex + label]
    let rivals = row.enumerated().count { $0.element > own || ($0.element == own && $0.offset < label) }
    let sum = row.reduce(0.0) { $0 + exp(Double($1) - Double(highest)) }
    let together = targets.reduce(0.0) { $0 + exp(Double(row[row.startIndex + $1]) - Double(own)) }
    rank = rivals
    confidence = 1 / sum
    loss = log(sum) - (Double(own) - Double(highest)) - log(together)
  }
}

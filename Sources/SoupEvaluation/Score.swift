import SoupTensors

/// How well a model does on a set of labelled images. Fractions are in 0…1.
public struct Score: Codable, Sendable, Hashable {
  /// Fraction of images whose highest logit is the label's.
  public var top1: Double
  /// Fraction of images whose label is among the five highest logits (1 for five classes or fewer).
  public var top5: Double
  /// Mean cross-entropy in nats, without label smoothing. NaN when a logit is not finite.
  public var loss: Double
  /// Expected calibration error over 15 bins of equal mass.
  public var ece: Double
  /// Expected calibration error over 15 bins of equal width.
  public var eceEqualWidth: Double
  /// Top-1 accuracy of each class; NaN for a class without images.
  public var perClass: [Double]
  /// Number of images.
  public var count: Int
  /// Images with a logit that is NaN or infinite. They count as wrong.
  public var nonFinite: Int
  /// The number that a scoring program gave; everything else is then absent, which here is NaN or 0.
  public var external: Double?

  /// The score that a program gave.
  public init(external: Double) {
    self.init(top1: .nan, top5: .nan, loss: .nan, ece: .nan, eceEqualWidth: .nan, perClass: [], count: 0)
    self.external = external
  }

  public init(
    top1: Double, top5: Double, loss: Double, ece: Double, eceEqualWidth: Double, perClass: [Double], count: Int,
    nonFinite: Int = 0
  ) {
    self.top1 = top1
    self.top5 = top5
    self.loss = loss
    self.ece = ece
    self.eceEqualWidth = eceEqualWidth
    self.perClass = perClass
    self.count = count
    self.nonFinite = nonFinite
  }

  /// Scores predictions.
  ///
  /// Among equal logits the class of the lower index ranks higher, as in `argmax`, so that a constant model is right on
  /// its first class only.
  /// - Parameters:
  ///   - logits: `[N, classes]`, any floating dtype.
  ///   - labels: `N` class indices.
  ///   - targets: of each image every class that counts as right, where that is not the label alone; the loss is then
  ///     `−log Σ p` over them.
  /// - Throws: `EvaluationError` if the shapes do not agree, there is no image, or a label is not a class.
  public init(logits: HostTensor, labels: [Int], targets: [[Int]]? = nil) throws(EvaluationError) {
    self = try Self.sum(logits: logits, labels: labels, targets: targets).score
  }

  /// The sum of all rows, checked.
  static func sum(logits: HostTensor, labels: [Int], targets: [[Int]]?) throws(EvaluationError) -> ScoreSum {
    guard logits.shape.count == 2, logits.shape[0] == labels.count, logits.shape[0] > 0, logits.shape[1] > 0 else {
      throw EvaluationError(
        .shape, "\(labels.count) labels need logits of shape [\(labels.count), classes], found \(logits.shape)")
    }
    let classes = logits.shape[1]
    if let label = labels.first(where: { !(0..<classes).contains($0) }) {
      throw EvaluationError(.shape, "label \(label) is outside the \(classes) classes of the logits")
    }
    if let targets {
      guard targets.count == labels.count, targets.allSatisfy({ !$0.isEmpty && $0.allSatisfy((0..<classes).contains) })
      else {
        throw EvaluationError(
          .shape, "every image needs classes that count as right, among the \(classes) of the logits")
      }
    }
    let values = logits.floats()
    var sum = ScoreSum(classes: classes, images: labels.count)
    for (row, label) in labels.enumerated() {
      sum.add(values[row * classes..<(row + 1) * classes], label: label, targets: targets?[row])
    }
    return sum
  }

  private enum CodingKeys: String, CodingKey {
    case top1, top5, loss, ece
    case eceEqualWidth = "ece_equal_width"
    case perClass = "per_class"
    case count
    case nonFinite = "non_finite"
    case external
  }

  // JSON has no NaN: absent values are null, and come back as NaN.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    if let external = try values.decodeIfPresent(Double.self, forKey: .external) {
      self.init(external: external)
      return
    }
    self.init(
      top1: try values.decode(Double.self, forKey: .top1), top5: try values.decode(Double.self, forKey: .top5),
      loss: try values.decode(Double?.self, forKey: .loss) ?? .nan,
      ece: try values.decode(Double.self, forKey: .ece),
      eceEqualWidth: try values.decode(Double.self, forKey: .eceEqualWidth),
      perClass: try values.decode([Double?].self, forKey: .perClass).map { $0 ?? .nan },
      count: try values.decode(Int.self, forKey: .count), nonFinite: try values.decode(Int.self, forKey: .nonFinite))
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    if let external {
      try values.encode(external, forKey: .external)
      return
    }
    try values.encode(top1, forKey: .top1)
    try values.encode(top5, forKey: .top5)
    try values.encode(loss.isFinite ? loss : nil, forKey: .loss)
    try values.encode(ece, forKey: .ece)
    try values.encode(eceEqualWidth, forKey: .eceEqualWidth)
    try values.encode(perClass.map { $0.isFinite ? $0 : nil }, forKey: .perClass)
    try values.encode(count, forKey: .count)
    try values.encode(nonFinite, forKey: .nonFinite)
  }
}

/// Models, and soups of every two of them: what is asked why souping works.
///
/// Accuracies are in percent, losses in nats, as in published tables. Models and pairs keep the order of the source.
public struct PairTable: Sendable {
  /// How well a model or a soup does.
  public struct Scores: Sendable, Hashable {
    public var accuracy: Double
    public var loss: Double?
    /// Means over corrupted images.
    public var corruptedAccuracy: Double?
    public var corruptedLoss: Double?

    public init(
      accuracy: Double, loss: Double? = nil, corruptedAccuracy: Double? = nil, corruptedLoss: Double? = nil
    ) {
      self.accuracy = accuracy
      self.loss = loss
      self.corruptedAccuracy = corruptedAccuracy
      self.corruptedLoss = corruptedLoss
    }
  }

  public struct Model: Sendable, Hashable {
    public var name: String
    public var scores: Scores
    /// The epoch at which it left the common trunk; nil where that is not known.
    public var branchEpoch: Int?
    /// Which of the settings of its branch point it was trained with.
    public var variant: String?

    public init(name: String, scores: Scores, branchEpoch: Int? = nil, variant: String? = nil) {
      self.name = name
      self.scores = scores
      self.branchEpoch = branchEpoch
      self.variant = variant
    }
  }

  /// The soup of two models.
  public struct Pair: Sendable, Hashable {
    /// Indices of the models.
    public var a: Int
    public var b: Int
    public var scores: Scores
    /// How alike the two are, by the name of the measure.
    public var similarities: [String: Double]

    public init(a: Int, b: Int, scores: Scores, similarities: [String: Double] = [:]) {
      self.a = a
      self.b = b
      self.scores = scores
      self.similarities = similarities
    }
  }

  public var models: [Model]
  public var pairs: [Pair]
  /// Names of measures of similarity, in the order of their source.
  public var measures: [String]
  /// A soup with an accuracy below this, in percent, has collapsed: five times chance for 100 classes, as published.
  public var collapse = 5.0

  public init(models: [Model], pairs: [Pair], measures: [String] = []) {
    self.models = models
    self.pairs = pairs
    self.measures = measures
  }

  public func isCollapsed(_ pair: Pair) -> Bool { pair.scores.accuracy < collapse }

  /// Pairs of models that have no soup.
  public var missing: Int { models.count * (models.count - 1) / 2 - pairs.count }

  /// The epochs that two models were trained together: the trunk up to the earlier branch.
  public func sharedEpochs(_ pair: Pair) -> Int? {
    guard let a = models[pair.a].branchEpoch, let b = models[pair.b].branchEpoch else { return nil }
    return min(a, b)
  }

  /// A symmetric matrix of a value for each pair, by row; NaN on the diagonal and where there is no pair or no value.
  public func matrix(_ value: (Pair) -> Double?) -> [Double] {
    let n = models.count
    var matrix = [Double](repeating: .nan, count: n * n)
    for pair in pairs {
      let entry = value(pair) ?? .nan
      matrix[pair.a * n + pair.b] = entry
      matrix[pair.b * n + pair.a] = entry
    }
    return matrix
  }
}

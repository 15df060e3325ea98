import SoupTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How good probabilities are that were given to pairs of models before it was known whether they gain.
public struct PredictionQuality: Sendable, Codable, Equatable {
  /// Probabilities between two bounds, and how often what they were of came true.
  public struct Bin: Sendable, Codable, Equatable {
    public let lower: Double
    public let upper: Double
    public let pairs: Int
    /// Mean probability, share that gained; nil without a pair.
    public let predicted: Double?
    public let observed: Double?
    /// Wilson's interval of `observed`, as if pairs were independent: those that share a model are not, so it is rather too narrow.
    /// Nil without a pair.
    public let interval: Interval?
  }

  public let pairs: Int
  /// Pairs that gain.
  public let positive: Int
  /// `mean (p − y)²`; of always saying the share that gains; lower is better.
  public let brier: Double
  public let brierOfBaseRate: Double
  /// `mean −log P(what happened)`, in nats.
  public let logLoss: Double
  /// Of always saying the share that gains.
  public let logLossOfBaseRate: Double
  /// Of the logistic regression of what happened on the predicted log odds: 1 and 0 where the chances are as they should be; a slope below 1
  /// says that they are too extreme. Nil in files of version 1.
  /// - Source: Cox, *Two further applications of a model for binary regression*, 1958.
  public let slope: Double?
  public let intercept: Double?
  /// Expected calibration error: `Σ |predicted − observed| · pairs / n` over `bins`.
  public let ece: Double
  /// The chance that a pair that gains was given a higher probability than one that does not; ties count half.
  public let auc: Double
  /// By drawing models with replacement, with all pairs of theirs: pairs that share a model are not independent.
  public let aucInterval: Interval
  /// Ten of equal width.
  public let bins: [Bin]

  /// - Parameters:
  ///   - members: the two models of each pair, as indices below `models`.
  /// - Throws: `AnalysisError` for lists of different lengths, and without both outcomes.
  public init(
    _ probabilities: [Double], outcomes: [Bool], members: [(Int, Int)], models: Int, resamples: Int = 1000,
    seed: UInt64 = 0
  ) throws(AnalysisError) {
    guard probabilities.count == outcomes.count, members.count == outcomes.count else {
      throw AnalysisError(.length, "a probability, an outcome and two models for each pair")
    }
    let n = Double(outcomes.count)
    pairs = outcomes.count
    positive = outcomes.count { $0 }
    guard positive > 0, positive < pairs else {
      throw AnalysisError(.tooFew, "both outcomes are needed; \(positive) of \(pairs) gain")
    }
    let rate = Double(positive) / n
    brierOfBaseRate = rate * (1 - rate)
    var (squares, logs) = (0.0, 0.0)
    var sums = [(count: Int, p: Double, y: Int)](repeating: (0, 0, 0), count: 10)
    for (p, y) in zip(probabilities, outcomes) {
      squares += (p - (y ? 1 : 0)) * (p - (y ? 1 : 0))
      logs -= log(max(1e-15, y ? p : 1 - p))
      let bin = min(9, Int(p * 10))
      sums[bin] = (sums[bin].count + 1, sums[bin].p + p, sums[bin].y + (y ? 1 : 0))
    }
    brier = squares / n
    logLoss = logs / n
    logLossOfBaseRate = Self.entropy(rate)
    let odds = probabilities.map { p in
      let bounded = min(1 - 1e-15, max(1e-15, p))
      return log(bounded / (1 - bounded))
    }
    let line = try LogisticRegression(odds, width: 1, labels: outcomes, penalty: 1e-9)
    (slope, intercept) = (line.weights[0], line.intercept)
    ece = sums.reduce(0) { $0 + abs($1.p - Double($1.y)) } / n
    var bins: [Bin] = []
    for (index, bin) in sums.enumerated() {
      bins.append(
        Bin(
          lower: Double(index) / 10, upper: Double(index + 1) / 10, pairs: bin.count,
          predicted: bin.count == 0 ? nil : bin.p / Double(bin.count),
          observed: bin.count == 0 ? nil : Double(bin.y) / Double(bin.count),
          interval: bin.count == 0 ? nil : try ProportionInterval.wilson(bin.y, of: bin.count)))
    }
    self.bins = bins
    let order = probabilities.indices.sorted { probabilities[$0] < probabilities[$1] }
    let ones = [Double](repeating: 1, count: pairs)
    auc = Self.auc(order, probabilities, outcomes, ones)!
    let stream = CounterGenerator(seed: seed).derived("models")
    var drawn: [Double] = []
    for resample in 0..<resamples {
      var generator = stream.derived(UInt64(resample))
      var times = [Double](repeating: 0, count: models)
      for _ in 0..<models { times[min(models - 1, Int(generator.uniform() * Double(models)))] += 1 }
      let weights = members.map { times[$0.0] * times[$0.1] }
      if let found = Self.auc(order, probabilities, outcomes, weights) { drawn.append(found) }
    }
    drawn.sort()
    aucInterval =
      drawn.isEmpty
      ? Interval(0, 1) : Interval(PairedBootstrap.quantile(drawn, 0.025), PairedBootstrap.quantile(drawn, 0.975))
  }

  /// Weighted area under the ROC curve; nil where an outcome has no weight.
  private static func auc(_ order: [Int], _ p: [Double], _ outcomes: [Bool], _ weights: [Double]) -> Double? {
    var (area, negatives, positives) = (0.0, 0.0, 0.0)
    var start = 0
    while start < order.count {
      var end = start
      var (up, down) = (0.0, 0.0)
      while end < order.count, p[order[end]] == p[order[start]] {
        if outcomes[order[end]] { up += weights[order[end]] } else { down += weights[order[end]] }
        end += 1
      }
      area += up * (negatives + down / 2)
      negatives += down
      positives += up
      start = end
    }
    return negatives > 0 && positives > 0 ? area / negatives / positives : nil
  }

  private static func entropy(_ rate: Double) -> Double { -rate * log(rate) - (1 - rate) * log(1 - rate) }

  private enum CodingKeys: String, CodingKey {
    case pairs, positive, brier, ece, auc, bins, slope, intercept
    case brierOfBaseRate = "brier_of_base_rate"
    case logLoss = "log_loss"
    case logLossOfBaseRate = "log_loss_of_base_rate"
    case aucInterval = "auc_interval"
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    pairs = try container.decode(Int.self, forKey: .pairs)
    positive = try container.decode(Int.self, forKey: .positive)
    brier = try container.decode(Double.self, forKey: .brier)
    brierOfBaseRate = try container.decode(Double.self, forKey: .brierOfBaseRate)
    logLoss = try container.decode(Double.self, forKey: .logLoss)
    ece = try container.decode(Double.self, forKey: .ece)
    auc = try container.decode(Double.self, forKey: .auc)
    aucInterval = try container.decode(Interval.self, forKey: .aucInterval)
    bins = try container.decode([Bin].self, forKey: .bins)
    slope = try container.decodeIfPresent(Double.self, forKey: .slope)
    intercept = try container.decodeIfPresent(Double.self, forKey: .intercept)
    logLossOfBaseRate =
      try container.decodeIfPresent(Double.self, forKey: .logLossOfBaseRate)
      ?? Self.entropy(Double(positive) / Double(pairs))
  }
}

import SoupTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// "Will these two soup?" From how alike two models are to the chance that their soup gains, and the gain to expect.
///
/// Every measure is put on a logarithmic scale, `log x` for distances, `log(1 − x)` for cosines and CKA, and standardised over the pairs
/// that are fitted on. The chance is a logistic regression on them, the gain a ridge regression.
///
/// Its quality is measured on pairs of models that it has not seen: models, not pairs, are divided into folds, and a pair is predicted by
/// a fit without any pair of either of its folds, so that nothing of its two models leaks into their prediction.
public struct SoupPredictor: Sendable, Codable, Equatable {
  /// How a measure becomes a number to predict from.
  public struct Feature: Sendable, Codable, Equatable {
    public let measure: String
    /// `log(1 − x)` in place of `log x`.
    public let isComplement: Bool
    /// What the logarithm is taken of is at least this: half of the smallest that was fitted on.
    public let floor: Double
    public let mean: Double
    public let scale: Double
    /// The values that were fitted on.
    public let lowest: Double
    public let highest: Double

    private enum CodingKeys: String, CodingKey {
      case measure, floor, mean, scale, lowest, highest
      case isComplement = "is_complement"
    }

    init?(_ measure: String, _ values: [Double]) {
      self.measure = measure
      isComplement = PairSimilarities.growsWithLikeness(measure)
      let raw = values.map { [isComplement] in isComplement ? 1 - $0 : $0 }
      guard let smallest = raw.filter({ $0 > 0 }).min() else { return nil }
      let floor = smallest / 2
      let logs = raw.map { log(max(floor, $0)) }
      let mean = logs.reduce(0, +) / Double(logs.count)
      let scale = (logs.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(logs.count)).squareRoot()
      guard scale > 0 else { return nil }
      (self.floor, self.mean, self.scale) = (floor, mean, scale)
      (lowest, highest) = (values.min()!, values.max()!)
    }

    func callAsFunction(_ value: Double) -> Double {
      (log(max(floor, isComplement ? 1 - value : value)) - mean) / scale
    }
  }

  /// What it was fitted on, and how good it is on models that it has not seen.
  public struct Basis: Sendable, Codable, Equatable {
    public let gain: SoupGain
    public let sources: [String]
    public let models: Int
    public let pairs: Int
    public let positive: Int
    public let folds: Int
    public let quality: PredictionQuality
    /// Of predicted and found gains: rank correlation, share of the variance that is explained (below 0: worse than the mean), and
    /// median absolute error in the gain's units.
    public let gainSpearman: Double
    public let gainR2: Double
    public let gainError: Double

    private enum CodingKeys: String, CodingKey {
      case gain, sources, models, pairs, positive, folds, quality
      case gainSpearman = "gain_spearman"
      case gainR2 = "gain_r2"
      case gainError = "gain_error"
    }
  }

  public struct Prediction: Sendable, Codable, Equatable {
    /// That the gain is above 0.
    public let probability: Double
    public let gain: Double
    /// Measures whose value lies beyond all that were fitted on.
    public let outside: [String]
  }

  public let features: [Feature]
  public let classifier: LogisticRegression
  public let regression: RidgeRegression
  public let basis: Basis
  public var measures: [String] { features.map(\.measure) }

  /// - Parameters:
  ///   - measures: of those of the table, which to predict from; all by default. Those that do not vary are left out.
  ///   - folds: groups of models that are left out together.
  ///   - penalty: λ of both regressions, on standardised measures.
  ///   - seed: of the division into folds and of the interval's resamples.
  /// - Throws: `AnalysisError` where measures, pairs or outcomes are too few.
  public init(
    _ table: PairTable, gain: SoupGain, measures: [String]? = nil, sources: [String] = [], folds: Int = 5,
    penalty: Double = 1, seed: UInt64 = 0
  ) throws(AnalysisError) {
    let names = measures ?? table.measures
    let pairs = table.pairs.filter { pair in
      gain.value(pair, in: table) != nil && names.allSatisfy { pair.similarities[$0]?.isFinite ?? false }
    }
    let gains = pairs.map { gain.value($0, in: table)! }
    let labels = gains.map { SoupGain.isAbove($0) }
    guard folds >= 2, table.models.count >= 2 * folds, pairs.count >= 20 else {
      throw AnalysisError(
        .tooFew,
        "a predictor needs at least 20 pairs with a gain and all measures, and twice as many models as folds; found "
          + "\(pairs.count) pairs of \(table.models.count) models")
    }
    let features = names.compactMap { name in Feature(name, pairs.map { $0.similarities[name]! }) }
    guard !features.isEmpty else {
      throw AnalysisError(.tooFew, "no measure of similarity varies over the \(pairs.count) pairs")
    }
    let width = features.count
    let rows = pairs.flatMap { pair in features.map { $0(pair.similarities[$0.measure]!) } }
    classifier = try LogisticRegression(rows, width: width, labels: labels, penalty: penalty)
    regression = try RidgeRegression(rows, width: width, values: gains, penalty: penalty)
    self.features = features

    let fold = Self.folds(table.models.count, folds, seed)
    var (chances, expected) = (labels.map { _ in 0.0 }, gains.map { _ in 0.0 })
    for f in 0..<folds {
      for g in f..<folds {
        let held = pairs.indices.filter {
          let (a, b) = (fold[pairs[$0].a], fold[pairs[$0].b])
          return min(a, b) == f && max(a, b) == g
        }
        guard !held.isEmpty else { continue }
        let left = pairs.indices.filter { ![f, g].contains(fold[pairs[$0].a]) && ![f, g].contains(fold[pairs[$0].b]) }
        guard left.count > 1 else {
          throw AnalysisError(.tooFew, "too few pairs are left without the models of two of \(folds) folds")
        }
        let leftRows = left.flatMap { rows[$0 * width..<($0 + 1) * width] }
        let leftLabels = left.map { labels[$0] }
        // Standardised again: what is held out says nothing, not even its mean.
        let (mean, scale) = Self.moments(leftRows, width)
        func standard(_ row: ArraySlice<Double>) -> [Double] { zip(row, zip(mean, scale)).map { ($0 - $1.0) / $1.1 } }
        let standardised = stride(from: 0, to: leftRows.count, by: width).flatMap {
          standard(leftRows[$0..<$0 + width])
        }
        let rate = Double(leftLabels.count { $0 }) / Double(left.count)
        let fitted =
          rate > 0 && rate < 1
          ? try LogisticRegression(standardised, width: width, labels: leftLabels, penalty: penalty) : nil
        let line = try RidgeRegression(standardised, width: width, values: left.map { gains[$0] }, penalty: penalty)
        for index in held {
          let row = standard(rows[index * width..<(index + 1) * width])
          chances[index] = fitted?.probability(row) ?? rate
          expected[index] = line.value(row)
        }
      }
    }
    let mean = gains.reduce(0, +) / Double(gains.count)
    let total = gains.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let rest = zip(gains, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    basis = Basis(
      gain: gain, sources: sources, models: table.models.count, pairs: pairs.count, positive: labels.count { $0 },
      folds: folds,
      quality: try PredictionQuality(
        chances, outcomes: labels, members: pairs.map { ($0.a, $0.b) }, models: table.models.count, seed: seed),
      gainSpearman: try Correlation.spearman(expected, gains).coefficient, gainR2: 1 - rest / total,
      gainError: PairedBootstrap.quantile(zip(gains, expected).map { abs($0 - $1) }.sorted(), 0.5))
  }

  /// Nil where one of the measures is missing or not finite.
  public func callAsFunction(_ values: [String: Double]) -> Prediction? {
    var row: [Double] = []
    var outside: [String] = []
    for feature in features {
      guard let value = values[feature.measure], value.isFinite else { return nil }
      row.append(feature(value))
      if value < feature.lowest || value > feature.highest { outside.append(feature.measure) }
    }
    return Prediction(probability: classifier.probability(row), gain: regression.value(row), outside: outside)
  }

  /// The fold of every model: a random order, dealt out in turn.
  private static func folds(_ models: Int, _ folds: Int, _ seed: UInt64) -> [Int] {
    let stream = CounterGenerator(seed: seed).derived("folds")
    let order = (0..<models).sorted { (stream.word(at: UInt64($0)), $0) < (stream.word(at: UInt64($1)), $1) }
    var fold = [Int](repeating: 0, count: models)
    for (place, model) in order.enumerated() { fold[model] = place % folds }
    return fold
  }

  private static func moments(_ rows: [Double], _ width: Int) -> (mean: [Double], scale: [Double]) {
    let n = Double(rows.count / width)
    var (mean, scale) = ([Double](), [Double]())
    for i in 0..<width {
      let column = stride(from: i, to: rows.count, by: width).map { rows[$0] }
      let m = column.reduce(0, +) / n
      let s = (column.reduce(0) { $0 + ($1 - m) * ($1 - m) } / n).squareRoot()
      mean.append(m)
      scale.append(s > 0 ? s : 1)
    }
    return (mean, scale)
  }
}

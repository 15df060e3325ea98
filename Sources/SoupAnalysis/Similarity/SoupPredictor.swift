import Dispatch
import Synchronization

/// "Will these two soup?" From how alike two models are to the chance that their soup gains, and the gain to expect.
///
/// Every measure enters as a spline of its logarithm (`SimilarityFeature`). The chance is a logistic regression on these terms, calibrated
/// (`Calibration`), the gain a ridge regression; strength and calibration are chosen by cross-validation over models (`PredictorFit`).
///
/// The quality is measured on pairs of models that it has not seen: models, not pairs, are divided into folds, and a pair is predicted by
/// a fit, with all its choices, without any pair of either of its folds, so that nothing of its two models leaks into their prediction.
public struct SoupPredictor: Sendable, Codable, Equatable {
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

  public let features: [SimilarityFeature]
  public let classifier: LogisticRegression
  public let calibration: Calibration
  public let regression: RidgeRegression
  /// λ of the classifier and of the regression, as chosen; nil where they come from a file that did not say.
  public let penalty: Double?
  public let gainPenalty: Double?
  public let basis: Basis
  public var measures: [String] { features.map(\.measure) }

  /// - Parameters:
  ///   - measures: of those of the table, which to predict from; all by default. Those that do not vary are left out.
  ///   - folds: groups of models that are left out together.
  ///   - seed: of the divisions into folds and of the interval's resamples.
  /// - Throws: `AnalysisError` where measures, pairs or outcomes are too few.
  public init(
    _ table: PairTable, gain: SoupGain, measures: [String]? = nil, sources: [String] = [], folds: Int = 5,
    seed: UInt64 = 0
  ) throws(AnalysisError) {
    let names = measures ?? table.measures
    var data = PredictorData(measures: names)
    for pair in table.pairs {
      let values = names.compactMap { pair.similarities[$0] }.filter(\.isFinite)
      guard let value = gain.value(pair, in: table), values.count == names.count else { continue }
      data.values.append(values)
      data.gains.append(value)
      data.labels.append(SoupGain.isAbove(value))
      data.members.append((pair.a, pair.b))
    }
    guard folds >= 2, table.models.count >= 2 * folds, data.labels.count >= 20 else {
      throw AnalysisError(
        .tooFew,
        "a predictor needs at least 20 pairs with a gain and all measures, and twice as many models as folds; found "
          + "\(data.labels.count) pairs of \(table.models.count) models")
    }
    let fit = try PredictorFit(data, seed: seed &+ 1)
    (features, classifier, calibration, regression) = (fit.features, fit.classifier, fit.calibration, fit.regression)
    (penalty, gainPenalty) = (fit.penalty, fit.gainPenalty)
    let (chances, expected) = try Self.unseen(data, folds, seed)
    let mean = data.gains.reduce(0, +) / Double(data.gains.count)
    let total = data.gains.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let rest = zip(data.gains, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    basis = Basis(
      gain: gain, sources: sources, models: table.models.count, pairs: data.labels.count,
      positive: data.labels.count { $0 }, folds: folds,
      quality: try PredictionQuality(
        chances, outcomes: data.labels, members: data.members, models: table.models.count, seed: seed),
      gainSpearman: try Correlation.spearman(expected, data.gains).coefficient, gainR2: 1 - rest / total,
      gainError: PairedBootstrap.quantile(zip(data.gains, expected).map { abs($0 - $1) }.sorted(), 0.5))
  }

  /// Chance and gain of every pair by a fit, with all its choices, that has seen neither of its models.
  private static func unseen(
    _ data: PredictorData, _ folds: Int, _ seed: UInt64
  ) throws(AnalysisError) -> (chances: [Double], gains: [Double]) {
    let splits = ModelFolds.splits(data.members, folds: folds, seed: seed)
    guard splits.allSatisfy({ $0.left.count > 1 }) else {
      throw AnalysisError(.tooFew, "too few pairs are left without the models of two of \(folds) folds")
    }
    let fits = Mutex([Result<PredictorFit, AnalysisError>?](repeating: nil, count: splits.count))
    DispatchQueue.concurrentPerform(iterations: splits.count) { place in
      let fit = Result { () throws(AnalysisError) in
        try PredictorFit(data.subset(splits[place].left), seed: seed &+ 1)
      }
      fits.withLock { $0[place] = fit }
    }
    var (chances, gains) = (data.gains.map { _ in 0.0 }, data.gains.map { _ in 0.0 })
    for (split, result) in zip(splits, fits.withLock { $0 }) {
      guard let fit = try result?.get() else { continue }
      for index in split.held { (chances[index], gains[index]) = fit(data.values[index], of: data.measures) }
    }
    return (chances, gains)
  }

  /// Nil where one of the measures is missing or not finite.
  public func callAsFunction(_ values: [String: Double]) -> Prediction? {
    var row: [Double] = []
    var outside: [String] = []
    for feature in features {
      guard let value = values[feature.measure], value.isFinite else { return nil }
      row += feature(value)
      if feature.isOutside(value) { outside.append(feature.measure) }
    }
    return Prediction(
      probability: calibration(classifier.logOdds(row)), gain: regression.value(row), outside: outside)
  }

  private enum CodingKeys: String, CodingKey {
    case features, classifier, calibration, regression, penalty, basis
    case gainPenalty = "gain_penalty"
  }

  /// Version 1 of a predictor's file had no calibration.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    features = try container.decode([SimilarityFeature].self, forKey: .features)
    classifier = try container.decode(LogisticRegression.self, forKey: .classifier)
    calibration = try container.decodeIfPresent(Calibration.self, forKey: .calibration) ?? .none
    regression = try container.decode(RidgeRegression.self, forKey: .regression)
    penalty = try container.decodeIfPresent(Double.self, forKey: .penalty)
    gainPenalty = try container.decodeIfPresent(Double.self, forKey: .gainPenalty)
    basis = try container.decode(Basis.self, forKey: .basis)
    guard calibration.isSound else {
      throw DecodingError.dataCorruptedError(
        forKey: .calibration, in: container, debugDescription: "its steps do not rise over as many log odds as chances")
    }
    let width = features.reduce(0) { $0 + $1.width }
    guard classifier.weights.count == width, regression.weights.count == width else {
      throw DecodingError.dataCorruptedError(
        forKey: .features, in: container,
        debugDescription: "\(width) terms have \(classifier.weights.count) and \(regression.weights.count) weights")
    }
  }
}

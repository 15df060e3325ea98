#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What a predictor is fitted on: values of measures, and what the soups of the pairs gained.
struct PredictorData: Sendable {
  let measures: [String]
  /// A list of values for every pair, in the order of the measures.
  var values: [[Double]] = []
  var gains: [Double] = []
  var labels: [Bool] = []
  /// The two models of each pair.
  var members: [(Int, Int)] = []

  func subset(_ indices: [Int]) -> PredictorData {
    PredictorData(
      measures: measures, values: indices.map { values[$0] }, gains: indices.map { gains[$0] },
      labels: indices.map { labels[$0] }, members: indices.map { members[$0] })
  }

  /// Pairs of the rarer outcome: what a classifier can learn from.
  var rarer: Int {
    let positive = labels.count { $0 }
    return min(positive, labels.count - positive)
  }
}

/// Features, regressions and calibration from pairs, with every choice made by cross-validation among these pairs alone.
///
/// The strength λ of both regressions is the one of `penalties` that predicts models that were left out best, by log loss and by squared
/// error; the calibration is fitted on the predictions for those. What decides how flexible the fit may be is the number of pairs of the rarer
/// outcome: below 20 measures enter as straight lines, below 50 with three knots, else with four; below 10 there is nothing to choose by, and
/// λ is 1 without calibration.
struct PredictorFit: Sendable {
  static let penalties = [0.01, 0.1, 1, 10, 100]
  static let folds = 4

  let features: [SimilarityFeature]
  let classifier: LogisticRegression
  let calibration: Calibration
  let regression: RidgeRegression
  let penalty: Double
  let gainPenalty: Double

  init(_ data: PredictorData, seed: UInt64) throws(AnalysisError) {
    let rarer = data.rarer
    let knots = rarer < 20 ? 0 : rarer < 50 ? 3 : 4
    features = data.measures.indices.compactMap { place in
      SimilarityFeature(data.measures[place], data.values.map { $0[place] }, knots: knots)
    }
    guard !features.isEmpty else {
      throw AnalysisError(.tooFew, "no measure of similarity varies over the \(data.labels.count) pairs")
    }
    let width = features.reduce(0) { $0 + $1.width }
    let places = features.map { data.measures.firstIndex(of: $0.measure)! }
    let features = features
    let rows = data.values.map { values in zip(features, places).flatMap { $0(values[$1]) } }
    var (penalty, gainPenalty, calibration) = (1.0, 1.0, Calibration.none)
    if rarer >= 10 {
      let splits = ModelFolds.splits(data.members, folds: Self.folds, seed: seed)
      let (logOdds, gains) = try Self.predictions(data, rows, width, splits)
      let losses = logOdds.map { odds in zip(odds, data.labels).reduce(0) { $0 + LogisticRegression.loss($1.0, $1.1) } }
      let errors = gains.map { found in zip(found, data.gains).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
      let best = losses.indices.min { losses[$0] < losses[$1] }!
      penalty = Self.penalties[best]
      gainPenalty = Self.penalties[errors.indices.min { errors[$0] < errors[$1] }!]
      calibration = Calibration.best(
        logOdds[best], data.labels, members: data.members, folds: Self.folds, seed: seed &+ 1)
    }
    let flat = rows.flatMap(\.self)
    classifier = try LogisticRegression(anyOf: flat, width: width, labels: data.labels, penalty: penalty)
    regression = try RidgeRegression(flat, width: width, values: data.gains, penalty: gainPenalty)
    (self.penalty, self.gainPenalty, self.calibration) = (penalty, gainPenalty, calibration)
  }

  /// Chance and gain.
  func callAsFunction(_ values: [Double], of measures: [String]) -> (chance: Double, gain: Double) {
    let row = features.flatMap { $0(values[measures.firstIndex(of: $0.measure)!]) }
    return (calibration(classifier.logOdds(row)), regression.value(row))
  }

  /// Log odds and gains of every pair, by fits without its models, for every penalty.
  private static func predictions(
    _ data: PredictorData, _ rows: [[Double]], _ width: Int, _ splits: [ModelFolds.Split]
  ) throws(AnalysisError) -> (logOdds: [[Double]], gains: [[Double]]) {
    let none = [Double](repeating: 0, count: rows.count)
    var logOdds = [[Double]](repeating: none, count: penalties.count)
    var gains = logOdds
    for split in splits {
      guard split.left.count > 1 else {
        throw AnalysisError(.tooFew, "too few pairs are left without the models of two of \(folds) folds")
      }
      let left = split.left.flatMap { rows[$0] }
      let (labels, values) = (split.left.map { data.labels[$0] }, split.left.map { data.gains[$0] })
      var start: LogisticRegression?
      // From strong to weak: each fit begins where the last one ended.
      for place in penalties.indices.reversed() {
        let classifier = try LogisticRegression(
          anyOf: left, width: width, labels: labels, penalty: penalties[place], start: start, tolerance: 1e-8)
        let line = try RidgeRegression(left, width: width, values: values, penalty: penalties[place])
        for index in split.held {
          logOdds[place][index] = classifier.logOdds(rows[index])
          gains[place][index] = line.value(rows[index])
        }
        start = classifier
      }
    }
    return (logOdds, gains)
  }
}

extension LogisticRegression {
  /// As `init(_:width:labels:penalty:start:)`; where all outcomes are the same, their smoothed share `(k + ½) / (n + 1)` whatever the row.
  init(
    anyOf rows: [Double], width: Int, labels: [Bool], penalty: Double, start: LogisticRegression? = nil,
    tolerance: Double = 1e-13
  ) throws(AnalysisError) {
    guard labels.contains(true), labels.contains(false) else {
      let positive = Double(labels.count { $0 })
      let odds = (positive + 0.5) / (Double(labels.count) - positive + 0.5)
      self.init(weights: [Double](repeating: 0, count: width), intercept: log(odds))
      return
    }
    try self.init(rows, width: width, labels: labels, penalty: penalty, start: start, tolerance: tolerance)
  }
}

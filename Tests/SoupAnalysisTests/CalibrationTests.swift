import Foundation
import SoupAnalysis
import SoupTensors
import Testing

/// Splines, calibration and saved predictors, against SciPy and scikit-learn (Tools/reference_similarity.py).
@Suite struct CalibrationTests {
  struct Fixture: Decodable {
    struct Calibration: Decodable {
      let logOdds: [Double]
      let outcomes: [Bool]
      let at: [Double]
      let slope, intercept: Double
      let platt, isotonic: [Double]
      let chances: [Double]
      let logLoss, logLossOfBaseRate, brier, brierOfBaseRate, auc: Double
      let predicted, observed: [Double]
    }
    struct Spline: Decodable {
      let x, knots, atKnots, values, at, curve: [Double]
    }
    let calibration: Calibration
    let spline: Spline
  }

  static let fixture: Fixture = similarityFixture()

  private static func isClose(_ found: Double, _ wanted: Double, _ tolerance: Double = 1e-7) -> Bool {
    abs(found - wanted) <= tolerance * max(1, abs(wanted))
  }

  // MARK: Calibration

  @Test func plattAndIsotonicAgreeWithScikitLearn() throws {
    let reference = Self.fixture.calibration
    let platt = try #require(Calibration.platt(reference.logOdds, reference.outcomes))
    guard case .platt(let slope, let intercept) = platt else { return #expect(Bool(false), "\(platt)") }
    #expect(Self.isClose(slope, reference.slope, 1e-6) && Self.isClose(intercept, reference.intercept, 1e-6))
    let steps = try #require(Calibration.isotonic(reference.logOdds, reference.outcomes))
    for (place, z) in reference.at.enumerated() {
      #expect(Self.isClose(platt(z), reference.platt[place], 1e-6))
      #expect(Self.isClose(steps(z), reference.isotonic[place]))
    }
  }

  @Test func isotonicChancesNeverFallAndNeverReachCertainty() throws {
    var generator = CounterGenerator(seed: 3)
    let odds = (0..<200).map { _ in generator.uniform() * 6 - 3 }
    let outcomes = odds.map { generator.uniform() < 1 / (1 + exp(-2 * $0)) }
    let steps = try #require(Calibration.isotonic(odds, outcomes))
    let chances = stride(from: -5.0, through: 5, by: 0.05).map { steps($0) }
    #expect(zip(chances, chances.dropFirst()).allSatisfy { $0 <= $1 })
    #expect(chances.allSatisfy { $0 >= 0.5 / 200 && $0 <= 1 - 0.5 / 200 })
    // The mean chance is the share of outcomes, as pooling keeps sums.
    let rate = Double(outcomes.count { $0 }) / 200
    #expect(Self.isClose(odds.reduce(0) { $0 + steps($1) } / 200, rate, 0.01))
  }

  @Test func oddsThatFallAsGainsGetMoreFrequentAreNotTurnedRound() {
    #expect(Calibration.platt([-2, -1, 0, 1, 2, -1.5, 1.5], [true, true, false, false, false, true, true]) == nil)
    #expect(Calibration.platt([1, 2, 3], [true, true, true]) == nil)
    #expect(Calibration.isotonic([], []) == nil)
  }

  @Test func qualityAndReliabilityAgreeWithScikitLearn() throws {
    let reference = Self.fixture.calibration
    let members = reference.outcomes.indices.map { ($0 % 15, ($0 * 7 + 3) % 16 + 15) }
    let found = try PredictionQuality(
      reference.chances, outcomes: reference.outcomes, members: members, models: 31, resamples: 50)
    #expect(Self.isClose(found.logLoss, reference.logLoss) && Self.isClose(found.brier, reference.brier))
    #expect(Self.isClose(found.logLossOfBaseRate, reference.logLossOfBaseRate))
    #expect(Self.isClose(found.brierOfBaseRate, reference.brierOfBaseRate) && Self.isClose(found.auc, reference.auc))
    // Cox's line through the log odds of these chances is Platt's.
    #expect(Self.isClose(try #require(found.slope), reference.slope, 1e-6))
    #expect(Self.isClose(try #require(found.intercept), reference.intercept, 1e-6))
    let bins = found.bins.filter { $0.pairs > 0 }
    #expect(bins.count == reference.predicted.count)
    for (place, bin) in bins.enumerated() {
      let (predicted, observed) = (try #require(bin.predicted), try #require(bin.observed))
      #expect(Self.isClose(predicted, reference.predicted[place]) && Self.isClose(observed, reference.observed[place]))
      let wilson = try ProportionInterval.wilson(Int((observed * Double(bin.pairs)).rounded()), of: bin.pairs)
      #expect(bin.interval == wilson && wilson.contains(observed))
    }
    #expect(found.bins.filter { $0.pairs == 0 }.allSatisfy { $0.interval == nil && $0.observed == nil })
  }

  // MARK: Splines

  /// As many knots, natural at the ends: through four values there is one such curve, SciPy's.
  @Test func aFeatureSpansTheNaturalSplinesOfItsKnots() throws {
    let reference = Self.fixture.spline
    let feature = try #require(SimilarityFeature("l2_distance", reference.x, knots: 4))
    #expect(zip(feature.knots, reference.knots).allSatisfy { Self.isClose($0, $1, 1e-9) } && feature.width == 3)
    let through = try RidgeRegression(
      reference.atKnots.flatMap { feature($0) }, width: 3, values: reference.values, penalty: 1e-11)
    // What is smaller than any that was seen counts as half of the smallest.
    for (x, wanted) in zip(reference.at, reference.curve) where x > feature.floor {
      #expect(Self.isClose(through.value(feature(x)), wanted, 1e-5), "at \(x)")
    }
  }

  @Test func valuesWithoutVarietyGetAStraightLineOrNothing() throws {
    #expect(SimilarityFeature("l2_distance", [2, 2, 2], knots: 4) == nil)
    #expect(SimilarityFeature("cosine_similarity", [1, 1, 1], knots: 4) == nil)
    let two = try #require(SimilarityFeature("l2_distance", [1, 2, 1, 2, 1, 2], knots: 4))
    #expect(two.knots.isEmpty && two.width == 1)
    #expect(two(1)[0] == -two(2)[0] && two.isOutside(0.9) && !two.isOutside(1.5))
  }

  // MARK: Predictors

  /// Pairs gain between two distances: a straight line in the odds cannot say so, a spline can. The chances are right on models it has not
  /// seen, and better than the base rate by both scores.
  @Test func aGainBetweenTwoDistancesIsFound() throws {
    let table = Self.table(models: 32) { $0 > 0.08 && $0 < 0.4 }
    let quality = try SoupPredictor(table, gain: SoupGain(.accuracy)).basis.quality
    #expect(quality.auc > 0.9 && quality.ece < 0.08)
    #expect(quality.brier < 0.6 * quality.brierOfBaseRate && quality.logLoss < 0.7 * quality.logLossOfBaseRate)
  }

  /// Where distance says nothing, the chance stays near the base rate rather than inventing something.
  @Test func whatCannotBePredictedIsGivenTheBaseRate() throws {
    let table = Self.table(models: 32, noise: 1) { _ in true }
    let quality = try SoupPredictor(table, gain: SoupGain(.accuracy)).basis.quality
    #expect(quality.brier < 1.06 * quality.brierOfBaseRate && quality.ece < 0.1)
    #expect(abs(quality.auc - 0.5) < 0.15)
  }

  @Test func theSameSeedGivesTheSamePredictor() throws {
    let table = Self.table(models: 20) { $0 < 0.3 }
    let one = try SoupPredictor(table, gain: SoupGain(.accuracy), seed: 5)
    #expect(try SoupPredictor(table, gain: SoupGain(.accuracy), seed: 5) == one)
    let saved = try JSONDecoder().decode(SoupPredictor.self, from: JSONEncoder().encode(one))
    #expect(saved == one)
  }

  /// A file of version 1: one straight line, no calibration. Its formula by hand.
  @Test func predictorsThatWereSavedEarlierAreStillRead() throws {
    let file = try JSONDecoder().decode(PredictorFile.self, from: Data(Self.versionOne.utf8))
    let predictor = try #require(file.best(for: ["cosine_similarity", "angle"]))
    let answer = try #require(predictor(["cosine_similarity": 0.9]))
    let z = (log(0.1) + 2) / 0.5
    #expect(Self.isClose(answer.probability, 1 / (1 + exp(3 * z + 0.25))))
    #expect(Self.isClose(answer.gain, -0.5 * z + 0.1) && answer.outside.isEmpty)
    #expect(predictor.calibration == .none && predictor.penalty == nil && predictor.basis.quality.slope == nil)
    #expect(Self.isClose(predictor.basis.quality.logLossOfBaseRate, log(2)))
  }

  @Test func aNewerFileAndADamagedOneAreRefused() throws {
    let newer = Self.versionOne.replacing(#""version": 1"#, with: #""version": 3"#)
    #expect(throws: AnalysisError.self) { try JSONDecoder().decode(PredictorFile.self, from: Data(newer.utf8)) }
    for (found, damaged) in [
      (#""weights": [-3]"#, #""weights": [-3, 1]"#),
      (#""highest": 0.98"#, #""highest": 0.98, "knots": [0.5]"#),
      (#""highest": 0.98"#, #""highest": 0.98, "knots": [1, 1, 1], "means": [0, 0], "scales": [1, 1]"#),
      (#""regression""#, #""calibration": {"isotonic": {"logOdds": [0], "chances": []}}, "regression""#),
      (#""regression""#, #""calibration": {"isotonic": {"logOdds": [1, 0], "chances": [0, 1]}}, "regression""#),
    ] {
      let text = Self.versionOne.replacing(found, with: damaged)
      #expect(text != Self.versionOne)
      #expect(throws: DecodingError.self) { try JSONDecoder().decode(PredictorFile.self, from: Data(text.utf8)) }
    }
  }

  private static let versionOne = """
    {"version": 1, "predictors": [{
      "features": [{"measure": "cosine_similarity", "is_complement": true, "floor": 0.01, "mean": -2, "scale": 0.5,
        "lowest": 0.5, "highest": 0.98}],
      "classifier": {"weights": [-3], "intercept": -0.25}, "regression": {"weights": [-0.5], "intercept": 0.1},
      "basis": {"gain": {"measure": "loss", "parent": "best"}, "sources": ["t.csv"], "models": 12, "pairs": 66,
        "positive": 33, "folds": 5, "gain_spearman": 0.5, "gain_r2": 0.2, "gain_error": 0.1,
        "quality": {"pairs": 66, "positive": 33, "brier": 0.1, "brier_of_base_rate": 0.25, "log_loss": 0.4, "ece": 0.05,
          "auc": 0.9, "auc_interval": {"lower": 0.8, "upper": 0.95, "level": 0.95},
          "bins": [{"lower": 0, "upper": 0.1, "pairs": 0}]}}
    }]}
    """

  /// Models on a line, with the distance of every two; a tenth of the gains are noise, or all.
  private static func table(models: Int, noise: Double = 0.1, _ gains: (Double) -> Bool) -> PairTable {
    var generator = CounterGenerator(seed: 11)
    let places = (0..<models).map { _ in generator.uniform() }
    var table = PairTable(
      models: (0..<models).map { .init(name: "\($0)", scores: .init(accuracy: 70)) }, pairs: [],
      measures: ["l2_distance"])
    for a in 0..<models {
      for b in a + 1..<models {
        let distance = abs(places[a] - places[b]) + 0.01
        let isNoise = generator.uniform() < noise
        let good = isNoise ? generator.uniform() < 0.5 : gains(distance)
        table.pairs.append(
          .init(a: a, b: b, scores: .init(accuracy: good ? 71 : 69), similarities: ["l2_distance": distance]))
      }
    }
    return table
  }
}

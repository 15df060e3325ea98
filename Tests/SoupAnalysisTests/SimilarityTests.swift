import Foundation
import SoupAnalysis
import SoupTensors
import Testing

/// Likeness of outputs, clusters and predictors, against SciPy and scikit-learn (Tools/reference_similarity.py).
@Suite struct SimilarityTests {
  struct Fixture: Decodable {
    struct Outputs: Decodable {
      struct Pair: Decodable {
        let a, b: Int
        let kl, js, mse, disagreement: Double
      }
      let logits: [[Float]]
      let shape: [Int]
      let pairs: [Pair]
    }
    struct Clusters: Decodable {
      let distances: [Double]
      let count: Int
      let merges: [[Double]]
    }
    struct Regressions: Decodable {
      let x: [Double]
      let width: Int
      let y: [Bool]
      let gain: [Double]
      let logistic, ridge: [String: [Double]]
      let probabilities: [Double]
      let auc, brier: Double
      let logLoss: Double
    }
    let outputs: Outputs
    let clusters: Clusters
    let regressions: Regressions
  }

  static let fixture: Fixture = similarityFixture()

  private static func isClose(_ found: Double, _ wanted: Double, _ tolerance: Double = 1e-9) -> Bool {
    abs(found - wanted) <= tolerance * max(1, abs(wanted))
  }

  // MARK: Outputs

  @Test func outputsAgreeWithSciPy() throws {
    let reference = Self.fixture.outputs
    let logits = try reference.logits.map { try HostTensor(floats: $0, shape: reference.shape) }
    let found = try OutputSimilarity(logits, threads: 2)
    for pair in reference.pairs {
      for (i, j) in [(pair.a, pair.b), (pair.b, pair.a)] {
        let value = try #require(found[i, j])
        // Relative: nearly equal models too.
        #expect(abs(value.kl / pair.kl - 1) < 1e-3 && Self.isClose(value.kl, pair.kl, 1e-6))
        #expect(abs(value.js / pair.js - 1) < 1e-3 && Self.isClose(value.js, pair.js, 1e-6))
        #expect(Self.isClose(value.mse, pair.mse, 1e-5) && value.disagreement == pair.disagreement)
      }
    }
  }

  @Test func aModelIsLikeItself() throws {
    let logits = try Self.random([40, 7], seed: 1)
    let found = try OutputSimilarity([logits, logits, try Self.random([40, 7], seed: 2)], threads: 3)
    let none = OutputSimilarity.Pair(kl: 0, js: 0, mse: 0, disagreement: 0)
    #expect(try #require(found[0, 1]) == none)
    #expect(try #require(found[0, 0]) == none)
    let other: OutputSimilarity.Pair = try #require(found[0, 2])
    #expect(try #require(found[2, 0]) == other)
    #expect(try #require(found[1, 2]) == other)
    #expect(other.js <= Foundation.log(2.0) && other.js <= other.kl)
  }

  /// Probabilities that underflow, and more images than one block.
  @Test func certainModelsThatContradictEachOtherAreFarApart() throws {
    func sure(_ winner: Int) throws -> HostTensor {
      try HostTensor(
        floats: (0..<300).flatMap { _ in (0..<3).map { $0 == winner ? Float(500) : -500 } }, shape: [300, 3])
    }
    let found = try #require(try OutputSimilarity([sure(0), sure(1)], threads: 2)[0, 1])
    #expect(Self.isClose(found.kl, 1000, 1e-6) && Self.isClose(found.js, log(2), 1e-6))
    #expect(found.mse == 2e6 && found.disagreement == 1)
  }

  @Test func threadsDoNotChangeTheNumbers() throws {
    let logits = try (0..<4).map { try Self.random([500, 11], seed: UInt64($0)) }
    let (one, many) = (try OutputSimilarity(logits, threads: 1), try OutputSimilarity(logits, threads: 5))
    for i in 0..<4 { for j in 0..<4 { #expect(one[i, j] == many[i, j]) } }
  }

  @Test func aBrokenModelHasNoPairs() throws {
    var values = try Self.random([5, 3], seed: 1).floats()
    values[4] = .nan
    let found = try OutputSimilarity(
      [HostTensor(floats: values, shape: [5, 3]), Self.random([5, 3], seed: 2), Self.random([5, 3], seed: 3)],
      threads: 1)
    #expect(found.broken == [0] && found[0, 1] == nil && found[0, 0] == nil && found[1, 2] != nil)
    #expect(throws: AnalysisError.self) { try OutputSimilarity([Self.random([5, 3], seed: 2)], threads: 1) }
  }

  static func random(_ shape: [Int], seed: UInt64) throws -> HostTensor {
    var generator = CounterGenerator(seed: seed)
    return try HostTensor(
      floats: (0..<shape.reduce(1, *)).map { _ in Float(generator.uniform() * 8 - 4) }, shape: shape)
  }

  // MARK: Clusters

  @Test func clustersAgreeWithSciPy() throws {
    let reference = Self.fixture.clusters
    let found = try AverageLinkage(reference.distances, count: reference.count)
    for (merge, wanted) in zip(found.merges, reference.merges) {
      let joined: [Int] = [merge.first, merge.second, merge.size]
      let expected: [Int] = [wanted[0], wanted[1], wanted[3]].map { Int($0) }
      #expect(joined == expected)
      #expect(Self.isClose(merge.height, wanted[2]))
    }
    #expect(found.merges.count == 8 && found.order.sorted() == Array(0..<9))
  }

  @Test func clustersStandTogether() throws {
    let group = [0, 1, 0, 1, 2, 0, 2]
    let distances = group.flatMap { a in group.map { a == $0 ? 1.0 : 10 + Double(a + $0) } }
    let order = try AverageLinkage(distances, count: 7).order.map { group[$0] }
    let changes = zip(order, order.dropFirst()).count { $0 != $1 }
    #expect(changes == 2)
    #expect(throws: AnalysisError.self) { try AverageLinkage([0, 1, 2, 0], count: 2) }
  }

  // MARK: Predictors

  @Test(arguments: ["1.0", "0.1"]) func regressionsAgreeWithScikitLearn(c: String) throws {
    let reference = Self.fixture.regressions
    let penalty = 1 / Double(c)!
    let logistic = try LogisticRegression(
      reference.x, width: reference.width, labels: reference.y, penalty: penalty)
    for (found, wanted) in zip(logistic.weights + [logistic.intercept], reference.logistic[c]!) {
      #expect(Self.isClose(found, wanted, 1e-6))
    }
    let ridge = try RidgeRegression(reference.x, width: reference.width, values: reference.gain, penalty: penalty)
    for (found, wanted) in zip(ridge.weights + [ridge.intercept], reference.ridge[c]!) {
      #expect(Self.isClose(found, wanted))
    }
    #expect(throws: AnalysisError.self) {
      try LogisticRegression(reference.x, width: 3, labels: reference.y.map { _ in true })
    }
  }

  @Test func qualityAgreesWithScikitLearn() throws {
    let reference = Self.fixture.regressions
    let members = reference.y.indices.map { ($0 % 12, ($0 * 5 + 1) % 12) }
    let found = try PredictionQuality(
      reference.probabilities, outcomes: reference.y, members: members, models: 12, resamples: 200)
    #expect(Self.isClose(found.auc, reference.auc) && Self.isClose(found.brier, reference.brier))
    #expect(Self.isClose(found.logLoss, reference.logLoss, 1e-8))
    #expect(found.aucInterval.contains(found.auc) && found.bins.reduce(0) { $0 + $1.pairs } == 60)
    // The calibration error, the plain way.
    let error = found.bins.reduce(0) { $0 + Double($1.pairs) / 60 * abs(($1.predicted ?? 0) - ($1.observed ?? 0)) }
    #expect(Self.isClose(found.ece, error))
  }

  /// Pairs gain where they are close: the predictor finds that, says how well, and warns beyond what it has seen.
  @Test func aPredictorLearnsWhatDecides() throws {
    let table = Self.table { distance, noise in distance * exp(noise) < 0.35 }
    let gain = SoupGain(.accuracy)
    let predictor = try SoupPredictor(table, gain: gain, sources: ["made up"])
    #expect(predictor.measures == ["l2_distance", "cosine_similarity"] && predictor.basis.pairs == table.pairs.count)
    #expect(
      predictor.basis.quality.auc > 0.9 && predictor.basis.quality.brier < predictor.basis.quality.brierOfBaseRate)
    #expect(predictor.basis.quality.ece < 0.1 && predictor.basis.gainSpearman > 0.7)
    let near = try #require(predictor(["l2_distance": 0.05, "cosine_similarity": 0.95]))
    let far = try #require(predictor(["l2_distance": 0.9, "cosine_similarity": 0.1]))
    #expect(near.probability > 0.8 && far.probability < 0.2 && near.gain > far.gain)
    #expect(near.outside.isEmpty && predictor(["l2_distance": 0.05]) == nil)
    #expect(try #require(predictor(["l2_distance": 50, "cosine_similarity": 0.5])).outside == ["l2_distance"])
    let again = try JSONDecoder().decode(SoupPredictor.self, from: JSONEncoder().encode(predictor))
    #expect(again == predictor)
  }

  /// A model's own quirk decides all its pairs. Were a pair's models seen in training, that could be learnt from others of theirs;
  /// left out, nothing is left to learn from: no better than chance.
  @Test func nothingOfAModelLeaksIntoItsOwnPredictions() throws {
    var generator = CounterGenerator(seed: 5)
    let models = 30
    let quirks = (0..<models).map { _ in generator.uniform() }
    var table = PairTable(
      models: (0..<models).map { .init(name: "\($0)", scores: .init(accuracy: 70)) }, pairs: [], measures: ["id"])
    for a in 0..<models {
      for b in a + 1..<models {
        table.pairs.append(
          .init(
            a: a, b: b, scores: .init(accuracy: quirks[a] + quirks[b] > 1 ? 71 : 69),
            similarities: ["id": 1 + generator.uniform()]))
      }
    }
    let quality = try SoupPredictor(table, gain: SoupGain(.accuracy)).basis.quality
    // Pooled over folds, chance is below 0.5: what is left out has more gains where what was fitted on has fewer.
    #expect(quality.auc < 0.6)
  }

  @Test func aFileHasAPredictorForWhatIsThere() throws {
    var table = Self.table { distance, noise in distance * exp(noise) < 0.35 }
    table.measures.append("kl_logits")
    for index in table.pairs.indices { table.pairs[index].similarities["kl_logits"] = 0.1 + Double(index % 7) }
    let file = try PredictorFile(table, gain: SoupGain(.accuracy), sources: [])
    #expect(file.predictors.count == 3)
    #expect(
      file.best(for: ["l2_distance", "cosine_similarity", "angle"])?.measures == ["l2_distance", "cosine_similarity"])
    #expect(file.best(for: ["kl_logits", "l2_distance"])?.measures == ["kl_logits"])
    #expect(file.best(for: ["angle"]) == nil)
    table.measures = []
    #expect(throws: AnalysisError.self) { try PredictorFile(table, gain: SoupGain(.accuracy), sources: []) }
  }

  /// Models on a line, with the distance of every two, and a gain where they are close.
  private static func table(_ gains: (Double, Double) -> Bool) -> PairTable {
    var generator = CounterGenerator(seed: 9)
    let models = 24
    let places = (0..<models).map { _ in generator.uniform() }
    var table = PairTable(
      models: (0..<models).map { .init(name: "\($0)", scores: .init(accuracy: 70)) }, pairs: [],
      measures: ["l2_distance", "cosine_similarity"])
    for a in 0..<models {
      for b in a + 1..<models {
        let distance = abs(places[a] - places[b])
        let good = gains(distance, generator.uniform() - 0.5)
        table.pairs.append(
          .init(
            a: a, b: b, scores: .init(accuracy: good ? 71 - distance : 69 - distance),
            similarities: ["l2_distance": distance, "cosine_similarity": 1 - distance]))
      }
    }
    return table
  }
}

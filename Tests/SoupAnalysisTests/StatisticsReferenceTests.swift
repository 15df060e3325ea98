import Foundation
import SoupAnalysis
import Testing

/// Agreement with scipy and statsmodels; the numbers were written by `Tools/reference_statistics.py`.
@Suite struct StatisticsReferenceTests {
  struct Reference: Decodable {
    struct McNemar: Decodable { let onlyFirst, onlySecond: Int, p, binomial: Double }
    struct Proportion: Decodable {
      let successes, trials: Int, level: Double, wilson, clopperPearson: [Double]
    }
    struct Pair: Decodable { let x, y, ranks, pearson, spearman: [Double] }
    struct Holm: Decodable { let p, adjusted: [Double] }
    struct Bootstrap: Decodable {
      let values, percentile: [Double]
      let bca: [Double]
      enum CodingKeys: String, CodingKey {
        case values, percentile
        case bca = "BCa"
      }
    }
    struct SignFlip: Decodable { let name: String, differences: [Double], p: Double }
    let signFlip: [SignFlip]
    let mcnemar: [McNemar]
    let proportions: [Proportion]
    let correlations: [Pair]
    let holm: Holm
    let bootstrap: Bootstrap
  }

  private let reference: Reference

  init() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../Fixtures/analysis/statistics.json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    reference = try decoder.decode(Reference.self, from: Data(contentsOf: file))
  }

  @Test func mcNemarIsExact() {
    for row in reference.mcnemar {
      let p = PairedOutcomes(both: 10, onlyFirst: row.onlyFirst, onlySecond: row.onlySecond, neither: 5).mcNemar
      #expect(abs(p - row.p) <= 1e-10 * row.p, "\(row)")
      #expect(abs(p - row.binomial) <= 1e-10 * row.p, "\(row)")
    }
  }

  /// The reference draws 400,000 sign flips: its error is below 0.002; the normal limit's is that of steps of 1/75.
  @Test func signFlips() throws {
    for row in reference.signFlip {
      let p = try SignFlipTest.pValue(row.differences)
      #expect(abs(p - row.p) < 0.003 + 0.02 * row.p, "\(row.name): \(p), expected \(row.p)")
    }
  }

  @Test func proportions() throws {
    for row in reference.proportions {
      let wilson = try ProportionInterval.wilson(row.successes, of: row.trials, level: row.level)
      let exact = try ProportionInterval.clopperPearson(row.successes, of: row.trials, level: row.level)
      for (found, expected) in [(wilson, row.wilson), (exact, row.clopperPearson)] {
        #expect(abs(found.lower - expected[0]) < 1e-11 && abs(found.upper - expected[1]) < 1e-11, "\(row)")
      }
    }
  }

  @Test func correlations() throws {
    for row in reference.correlations {
      let pearson = try Correlation.pearson(row.x, row.y)
      let spearman = try Correlation.spearman(row.x, row.y)
      #expect(Correlation.ranks(row.x) == row.ranks)
      for (found, expected) in [(pearson, row.pearson), (spearman, row.spearman)] {
        #expect(abs(found.coefficient - expected[0]) < 1e-12)
        #expect(abs(found.pValue - expected[1]) <= 1e-9 * expected[1])
      }
    }
  }

  @Test func holm() {
    for (found, expected) in zip(HolmCorrection.adjust(reference.holm.p), reference.holm.adjusted) {
      #expect(abs(found - expected) < 1e-15)
    }
  }

  /// Other draws, the same method: ends agree to a few per cent of the width, where the two methods differ by more.
  @Test func bootstrap() throws {
    let values = reference.bootstrap.values
    let width = reference.bootstrap.percentile[1] - reference.bootstrap.percentile[0]
    #expect(abs(reference.bootstrap.bca[1] - reference.bootstrap.percentile[1]) > 0.08 * width)
    for (method, expected) in [
      (PairedBootstrap.Method.percentile, reference.bootstrap.percentile), (.bca, reference.bootstrap.bca),
    ] {
      let found = try PairedBootstrap(resamples: 20_000, method: method).mean(values)
      #expect(abs(found.lower - expected[0]) < 0.03 * width, "\(method)")
      #expect(abs(found.upper - expected[1]) < 0.03 * width, "\(method)")
    }
  }
}

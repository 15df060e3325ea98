import Foundation
import SoupAnalysis
import SoupTensors
import Testing

@Suite struct PairedComparisonTests {
  private func coins(_ count: Int, _ p: Double, _ seed: UInt64) -> [Bool] {
    var random = CounterGenerator(seed: seed)
    return (0..<count).map { _ in random.chance(p) }
  }

  /// `2 · Σ_{i ≤ min} C(n, i) / 2ⁿ`, by hand.
  @Test func closedForms() throws {
    func p(_ b: Int, _ c: Int) -> Double { PairedOutcomes(both: 0, onlyFirst: b, onlySecond: c, neither: 0).mcNemar }
    #expect(p(0, 0) == 1)
    #expect(p(7, 7) == 1)
    #expect(abs(p(0, 1) - 1) < 1e-15)
    #expect(abs(p(0, 6) - 2 / 64.0) < 1e-16)
    #expect(abs(p(1, 5) - 2 * 7 / 64.0) < 1e-15)
    #expect(abs(p(2, 8) - 2 * 56 / 1024.0) < 1e-15)
    #expect(abs(p(0, 500) - pow(2, -499)) < 1e-160)
  }

  @Test func theTableIsCounted() throws {
    let outcomes = try PairedOutcomes([true, true, false, false, true], [true, false, true, false, false])
    #expect(outcomes == PairedOutcomes(both: 1, onlyFirst: 2, onlySecond: 1, neither: 1))
    #expect(outcomes.difference == 0.2)
  }

  /// Exchanging the models turns the sign and nothing else.
  @Test func exchangingTheModelsMirrorsTheComparison() throws {
    let (a, b) = (coins(500, 0.8, 1), coins(500, 0.7, 2))
    let bootstrap = PairedBootstrap(method: .percentile)
    let one = try PairedComparison(of: a, to: b, bootstrap: bootstrap)
    let other = try PairedComparison(of: b, to: a, bootstrap: bootstrap)
    #expect(one.difference == -other.difference && one.pValue == other.pValue)
    #expect(one.won == other.lost && one.lost == other.won)
    #expect(abs(one.interval.lower + other.interval.upper) < 1e-12)
    #expect(one.interval.contains(one.difference))
  }

  @Test func aModelEqualsItself() throws {
    let a = coins(100, 0.5, 3)
    let comparison = try PairedComparison(of: a, to: a)
    #expect(comparison.difference == 0 && comparison.pValue == 1)
    #expect(comparison.interval == Interval(0, 0))
  }

  /// What two models share stays out of the interval: images that both get right or wrong only make it narrower.
  @Test func pairingIsTighterThanTwoIntervals() throws {
    let shared = coins(2000, 0.8, 4)
    let flips = coins(2000, 0.02, 5)
    let other = zip(shared, flips).map { $0 != $1 }
    let paired = try PairedBootstrap().difference(other, shared)
    let alone = try ProportionInterval.wilson(shared.count { $0 }, of: 2000)
    #expect(paired.halfWidth < 0.6 * alone.halfWidth)
  }

  /// The interval of a mean of many values is the normal one.
  @Test func largeSamplesGiveTheNormalInterval() throws {
    var random = CounterGenerator(seed: 6)
    let values = (0..<1000).map { _ in random.normal() }
    let mean = values.reduce(0, +) / 1000
    let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 1000).squareRoot()
    for method in PairedBootstrap.Method.allCases {
      let found = try PairedBootstrap(resamples: 4000, method: method).mean(values)
      let half = 1.959964 * deviation / 1000.0.squareRoot()
      #expect(abs(found.lower - (mean - half)) < 0.1 * half && abs(found.upper - (mean + half)) < 0.1 * half)
    }
  }

  /// Where an image counts as a whole, the test of sign flips is McNemar's and the comparison the same.
  @Test func oneSetOfWholeImagesIsThePlainComparison() throws {
    let (a, b) = (coins(300, 0.8, 1), coins(300, 0.75, 2))
    let plain = try PairedComparison(of: a, to: b)
    let sets = try PairedComparison(overSets: [(1, a.map { $0 ? 1 : 0 }, b.map { $0 ? 1 : 0 })])
    #expect(plain.pValue == sets.pValue && plain.interval == sets.interval && plain.won == sets.won)
    #expect(abs(plain.difference - sets.difference) < 1e-12)
  }

  /// Independent sets: variances of the means add up, whichever way they are divided.
  @Test func theMeanOverSetsHasTheSumOfTheirVariances() throws {
    var random = CounterGenerator(seed: 7)
    func fractions(_ count: Int) -> [Double] { (0..<count).map { _ in (random.uniform() * 15).rounded() / 15 } }
    let sets = [(0.5, fractions(400), fractions(400)), (0.5, fractions(900), fractions(900))]
    let found = try PairedComparison(overSets: sets.map { (share: $0.0, model: $0.1, reference: $0.2) })
    var (mean, variance) = (0.0, 0.0)
    for (share, a, b) in sets {
      let d = zip(a, b).map { ($0 - $1) * share }
      let own = d.reduce(0, +) / Double(d.count)
      mean += own
      variance += d.reduce(0) { $0 + ($1 - own) * ($1 - own) } / Double(d.count * d.count)
    }
    #expect(abs(found.difference - mean) < 1e-12)
    #expect(abs(found.interval.halfWidth - 1.96 * variance.squareRoot()) < 0.1 * found.interval.halfWidth)
    #expect(found.interval.contains(mean) && found.won + found.lost <= 1300)
  }

  /// One set twice, as if its images were others, is not surer of the mean than it should be: versions of an image belong together.
  @Test func versionsOfAnImageAreOneImage() throws {
    let (a, b) = (coins(500, 0.8, 1).map { $0 ? 1.0 : 0 }, coins(500, 0.7, 2).map { $0 ? 1.0 : 0 })
    let once = try PairedComparison(overSets: [(1, a, b)])
    let apart = try PairedComparison(overSets: [(0.5, a, b), (0.5, a, b)])
    #expect(abs(once.difference - apart.difference) < 1e-12)
    #expect(apart.interval.halfWidth < 0.8 * once.interval.halfWidth && apart.pValue < once.pValue)
  }

  @Test func aSeedGivesTheSameInterval() throws {
    let (a, b) = (coins(200, 0.8, 1), coins(200, 0.7, 2))
    let once = try PairedBootstrap(seed: 1).difference(a, b)
    #expect(try PairedBootstrap(seed: 1).difference(a, b) == once)
    #expect(try PairedBootstrap(level: 0.99, seed: 1).difference(a, b).halfWidth > once.halfWidth)
  }

  /// Covers the true accuracy in about 95 of 100 experiments; the exact interval in at least that many.
  @Test func coverage() throws {
    var (wilson, exact) = (0, 0)
    for seed in 0..<400 as Range<UInt64> {
      let right = coins(60, 0.9, 100 + seed).count { $0 }
      wilson += try ProportionInterval.wilson(right, of: 60).contains(0.9) ? 1 : 0
      exact += try ProportionInterval.clopperPearson(right, of: 60).contains(0.9) ? 1 : 0
    }
    #expect((368...392).contains(wilson))
    #expect(exact >= wilson - 4 && exact >= 376)
  }

  @Test func closedFormsOfProportions() throws {
    // The rule of three's exact form: 1 − (α/2)^(1/n).
    let none = try ProportionInterval.clopperPearson(0, of: 20)
    #expect(none.lower == 0 && abs(none.upper - (1 - pow(0.025, 1 / 20.0))) < 1e-14)
    let all = try ProportionInterval.clopperPearson(20, of: 20)
    #expect(all.upper == 1 && abs(all.lower - pow(0.025, 1 / 20.0)) < 1e-14)
    #expect(try ProportionInterval.wilson(0, of: 5).lower == 0 && ProportionInterval.wilson(5, of: 5).upper == 1)
  }

  @Test func refusesWhatMakesNoSense() {
    #expect(throws: AnalysisError.self) { try PairedOutcomes([], []) }
    #expect(throws: AnalysisError.self) { try PairedOutcomes([true], [true, false]) }
    #expect(throws: AnalysisError.self) { try PairedBootstrap().mean([]) }
    #expect(throws: AnalysisError.self) { try PairedBootstrap().mean([1, .nan]) }
    #expect(throws: AnalysisError.self) { try PairedBootstrap(resamples: 10).mean([1, 2]) }
    #expect(throws: AnalysisError.self) { try PairedBootstrap(level: 1).mean([1, 2]) }
    #expect(throws: AnalysisError.self) { try ProportionInterval.wilson(3, of: 2) }
    #expect(throws: AnalysisError.self) { try ProportionInterval.wilson(0, of: 0) }
    #expect(throws: AnalysisError.self) { try Correlation.pearson([1], [1]) }
  }
}

@Suite struct CorrelationTests {
  @Test func closedForms() throws {
    #expect(try Correlation.pearson([1, 2, 3], [2, 4, 6]).coefficient == 1)
    #expect(try Correlation.pearson([1, 2, 3], [3, 2, 1]).coefficient == -1)
    #expect(abs(try Correlation.pearson([0, 1, 0, 1], [0, 0, 1, 1]).coefficient) < 1e-15)
    #expect(try Correlation.pearson([1, 1, 1], [1, 2, 3]).coefficient.isNaN)
    #expect(Correlation.ranks([3, 1, 3, 2]) == [3.5, 1, 3.5, 2])
  }

  /// Ranks do not see a rising function.
  @Test func spearmanIsUnchangedByRisingFunctions() throws {
    let (x, y) = ([0.3, -1, 2, 0.7, 5], [1.0, 0, 3, 8, 2])
    let plain = try Correlation.spearman(x, y)
    #expect(try Correlation.spearman(x.map { exp($0) }, y.map { $0 * $0 * $0 }) == plain)
  }
}

import Foundation
import SoupTensors
import Testing

@Suite struct CounterGeneratorTests {
  /// Random123's `kat_vectors` for philox4x32, 10 rounds.
  @Test(
    arguments: [
      ([0, 0, 0, 0], [0, 0], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
      (
        [0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff], [0xffff_ffff, 0xffff_ffff],
        [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
      ),
      (
        [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0],
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
      ),
    ] as [([UInt32], [UInt32], [UInt32])])
  func agreesWithPublishedVectors(counter: [UInt32], key: [UInt32], expected: [UInt32]) {
    let block = CounterGenerator.block(counter: SIMD4(counter), key: SIMD2(key))
    #expect((0..<4).map { block[$0] } == expected)
  }

  /// Seed 0 starts with the published block of zeros, so word order and seed layout are pinned too.
  @Test func streamBeginsWithTheBlockOfItsSeed() {
    var generator = CounterGenerator(seed: 0)
    #expect(generator.next() == 0xe169_c58d_6627_e8d5)
    #expect(generator.next() == 0x9b00_dbd8_bc57_ac4c)
    #expect(generator.position == 4)
    #expect(CounterGenerator(seed: 0x299f_31d0_a409_3822).key == SIMD2(0xa409_3822, 0x299f_31d0))
  }

  @Test func anyPositionIsReachedDirectly() {
    var running = CounterGenerator(seed: 11)
    let words = (0..<101).map { _ in running.nextWord() }
    for position in [0, 1, 2, 3, 4, 7, 50, 99] {
      var jumped = CounterGenerator(seed: 11)
      jumped.position = UInt64(position)
      #expect(jumped.nextWord() == words[position])
      #expect(jumped.nextWord() == words[position + 1])
      #expect(jumped.word(at: UInt64(position)) == words[position])
    }
    #expect(CounterGenerator(seed: 11).word(at: 1 << 40) != words[0])
  }

  @Test func derivedStreamsDependOnTheWholePathAndNotOnThePosition() {
    let root = CounterGenerator(seed: 3)
    var moved = root
    _ = moved.next()
    #expect(root.derived(5).key == moved.derived(5).key)
    let keys = [
      root.key, root.derived(0).key, root.derived(1).key, root.derived(1 << 32).key, root.derived("a").key,
      root.derived("b").key, root.derived("a").derived("b").key, root.derived("b").derived("a").key,
      root.derived("ab").key, CounterGenerator(seed: 4).derived("a").key,
    ]
    #expect(Set(keys).count == keys.count)
    // FNV-1a's published test value for "foobar".
    #expect(root.derived("foobar").key == root.derived(0x8594_4171_f739_67e8).key)
  }

  @Test func uniformsHaveTheMomentsOfTheUniformDistribution() {
    var generator = CounterGenerator(seed: 1)
    let values = (0..<200_000).map { _ in generator.uniform() }
    expectMoments(of: values, mean: 0.5, variance: 1.0 / 12, fourth: 1.0 / 80)
    #expect(values.allSatisfy { $0 >= 0 && $0 < 1 })
  }

  @Test func normalsHaveTheMomentsOfTheNormalDistribution() {
    var generator = CounterGenerator(seed: 2)
    expectMoments(of: (0..<200_000).map { _ in generator.normal() }, mean: 0, variance: 1, fourth: 3)
  }

  /// Chi-square over a bound that does not divide 2⁶⁴; 0.9999 quantile at 12 degrees of freedom.
  @Test func integersBelowABoundAreEquallyLikely() {
    var generator = CounterGenerator(seed: 4)
    var counts = [Int](repeating: 0, count: 13)
    for _ in 0..<130_000 { counts[generator.below(13)] += 1 }
    let chiSquare = counts.reduce(0.0) { $0 + pow(Double($1) - 10_000, 2) / 10_000 }
    #expect(chiSquare < 39.1)
    #expect((0..<100).allSatisfy { _ in generator.below(1) == 0 })
    // A bound above 2⁶² makes rejection frequent: values must stay inside.
    #expect((0..<1000).allSatisfy { _ in (0..<Int.max).contains(generator.below(.max)) })
  }

  /// All 24 orders of four things; 0.9999 quantile at 23 degrees of freedom.
  @Test func permutationsAreEquallyLikely() {
    var generator = CounterGenerator(seed: 5)
    var counts: [[Int]: Int] = [:]
    for _ in 0..<24_000 { counts[generator.permutation(4), default: 0] += 1 }
    #expect(counts.count == 24)
    #expect(counts.values.reduce(0.0) { $0 + pow(Double($1) - 1000, 2) / 1000 } < 56)
    #expect(generator.permutation(1000).sorted() == Array(0..<1000))
    #expect(generator.permutation(0).isEmpty)
  }

  /// `E[X] = V[X] = shape`, fourth central moment `3 shape² + 6 shape`.
  @Test(arguments: [0.3, 1, 4.5])
  func gammasHaveTheMomentsOfTheGammaDistribution(shape: Double) {
    var generator = CounterGenerator(seed: 6)
    let values = (0..<200_000).map { _ in exp(generator.logGamma(shape: shape)) }
    expectMoments(of: values, mean: shape, variance: shape, fourth: 3 * shape * shape + 6 * shape)
  }

  /// Mean `a/(a+b)`, variance `ab/((a+b)²(a+b+1))`; the excess kurtosis formula gives the fourth moment.
  @Test(arguments: [(0.2, 0.2), (1, 1), (0.5, 2), (8, 3)])
  func betasHaveTheMomentsOfTheBetaDistribution(a: Double, b: Double) {
    var generator = CounterGenerator(seed: 7)
    let values = (0..<200_000).map { _ in generator.beta(a, b) }
    let sum = a + b
    let variance = a * b / (sum * sum * (sum + 1))
    let excess = 6 * ((a - b) * (a - b) * (sum + 1) - a * b * (sum + 2)) / (a * b * (sum + 2) * (sum + 3))
    expectMoments(of: values, mean: a / sum, variance: variance, fourth: (excess + 3) * variance * variance)
    #expect(values.allSatisfy { $0 >= 0 && $0 <= 1 })
  }

  /// Both gammas underflow at this shape; their ratio must not become NaN. By symmetry half the values are near 1.
  @Test func betaOfTinyParametersIsACoinToss() {
    var generator = CounterGenerator(seed: 8)
    let values = (0..<20_000).map { _ in generator.beta(1e-4, 1e-4) }
    #expect(values.allSatisfy { $0 >= 0 && $0 <= 1 })
    let ones = values.count { $0 > 0.5 }
    #expect(abs(ones - 10_000) < 5 * 71)
    #expect(values.count { $0 > 0.01 && $0 < 0.99 } < 100)
  }

  /// Mean and variance within five standard errors.
  private func expectMoments(
    of values: [Double], mean: Double, variance: Double, fourth: Double, at location: SourceLocation = #_sourceLocation
  ) {
    let n = Double(values.count)
    let found = values.reduce(0, +) / n
    let spread = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n
    #expect(abs(found - mean) < 5 * (variance / n).squareRoot(), sourceLocation: location)
    #expect(abs(spread - variance) < 5 * ((fourth - variance * variance) / n).squareRoot(), sourceLocation: location)
  }
}

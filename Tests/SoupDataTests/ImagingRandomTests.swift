import CImaging
import Foundation
import SoupTensors
import Testing

@Suite struct ImagingRandomTests {
  private static let generator = CounterGenerator(seed: 0x0123_4567_89ab_cdef).derived("test")
  private static var key: UInt64 { UInt64(generator.key.x) | UInt64(generator.key.y) << 32 }

  @Test func wordsAreThoseOfTheCounterGenerator() {
    for (first, count) in [(0, 1), (0, 64), (4, 200), (1 << 34, 67)] {
      var words = [UInt32](repeating: 0, count: count)
      ci_words(Self.key, UInt64(first), &words, count)
      #expect(words == (0..<count).map { Self.generator.word(at: UInt64(first + $0)) })
    }
  }

  @Test func uniformNumbersCoverTheirRangeEvenly() {
    let count = 1 << 18
    var numbers = [Float](repeating: 0, count: count)
    ci_uniforms(Self.key, 0, -1, 2, &numbers, count)
    var bins = [Int](repeating: 0, count: 16)
    for number in numbers {
      #expect(number >= -1 && number < 1)
      bins[Int((number + 1) * 8)] += 1
    }
    // χ² with 15 degrees of freedom exceeds 44.3 once in 10 000.
    let expected = Double(count) / 16
    #expect(bins.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected } < 44.3)
  }

  @Test func normalNumbersHaveTheMomentsOfANormalDistribution() {
    let count = 1 << 20
    var numbers = [Float](repeating: 0, count: count)
    ci_normals(Self.key, 0, 0, 1, &numbers, count)
    let moments = (1...6).map { power in
      numbers.reduce(0.0) { sum, x in sum + (0..<power).reduce(1.0) { product, _ in product * Double(x) } }
        / Double(count)
    }
    // Five standard errors: those of the moments 1 … 6 are √(1, 2, 15, 96, 945, 10170) / √n.
    let errors = [1.0, 2, 15, 96, 945, 10170].map { 5 * ($0 / Double(count)).squareRoot() }
    for (moment, (expected, error)) in zip(moments, zip([0.0, 1, 0, 3, 0, 15], errors)) {
      #expect(abs(moment - expected) < error)
    }
    // The tail beyond 4: 6.334e-5 of all.
    let far = Double(numbers.count { abs($0) > 4 })
    #expect(abs(far - 66.4) < 41)
    // Both numbers of a pair are independent of each other and of the next pair.
    for lag in 1...3 {
      let correlation = (0..<count - lag).reduce(0.0) { $0 + Double(numbers[$1] * numbers[$1 + lag]) } / Double(count)
      #expect(abs(correlation) < 5 / Double(count).squareRoot())
    }
  }

  @Test func normalNumbersAreBoxAndMullersOfTheWords() {
    var words = [UInt32](repeating: 0, count: 256)
    var numbers = [Float](repeating: 0, count: 256)
    ci_words(Self.key, 0, &words, 256)
    ci_normals(Self.key, 0, 2, 3, &numbers, 256)
    for pair in 0..<128 {
      let radius = (-2 * log((Double(words[2 * pair] >> 8) + 0.5) * 0x1p-24)).squareRoot()
      let angle = 2 * Double.pi * Double(words[2 * pair + 1] >> 8) * 0x1p-24
      #expect(abs(Double(numbers[2 * pair]) - (2 + 3 * radius * cos(angle))) < 1e-5)
      #expect(abs(Double(numbers[2 * pair + 1]) - (2 + 3 * radius * sin(angle))) < 1e-5)
    }
  }

  @Test func partOfABlockIsTheBlocksBeginning() {
    var long = [Float](repeating: 0, count: 128)
    ci_normals(Self.key, 0, 0, 1, &long, 128)
    for count in [1, 2, 31, 63, 65, 127] {
      var short = [Float](repeating: 9, count: count + 1)
      ci_normals(Self.key, 0, 0, 1, &short, count)
      #expect(Array(short.prefix(count)) == Array(long.prefix(count)) && short[count] == 9)
    }
  }
}

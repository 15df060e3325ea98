import CImaging
import SoupTensors

/// Where a corruption gets its random numbers. Tests put numbers there that another program drew.
package protocol CorruptionRandomness {
  /// Normal numbers.
  mutating func normals(mean: Float, deviation: Float, into numbers: UnsafeMutableBufferPointer<Float>)
  /// Uniform numbers in `[low, high)`.
  mutating func uniforms(from low: Float, to high: Float, into numbers: UnsafeMutableBufferPointer<Float>)
  /// Integers in `0..<bound`.
  mutating func integers(below bound: Int, into numbers: UnsafeMutableBufferPointer<UInt16>)
  /// Words of 32 random bits; nil where only distributions can be drawn.
  mutating func words(into numbers: UnsafeMutableBufferPointer<UInt32>) -> Bool
  /// One uniform number in `[low, high)`.
  mutating func uniform(from low: Double, to high: Double) -> Double
  /// One integer in `0..<bound`.
  mutating func integer(below bound: Int) -> Int
  /// Poisson numbers with these means.
  mutating func poisson(means: UnsafeBufferPointer<Double>, into numbers: UnsafeMutableBufferPointer<Int32>)
}

/// Numbers that are a function of a key: every draw has a stream of its own, the next one below the key, so the vector loops
/// begin at a whole block and the result depends on nothing else.
package struct StreamRandomness: CorruptionRandomness {
  private let root: CounterGenerator
  private var draws: UInt64 = 0

  package init(_ root: CounterGenerator) { self.root = root }

  private mutating func nextKey() -> UInt64 {
    draws += 1
    let key = root.derived(draws).key
    return UInt64(key.x) | UInt64(key.y) << 32
  }

  private mutating func nextStream() -> CounterGenerator { CounterGenerator(seed: nextKey()) }

  package mutating func normals(mean: Float, deviation: Float, into numbers: UnsafeMutableBufferPointer<Float>) {
    guard let start = numbers.baseAddress else { return }
    ci_normals(nextKey(), 0, mean, deviation, start, numbers.count)
  }

  package mutating func uniforms(from low: Float, to high: Float, into numbers: UnsafeMutableBufferPointer<Float>) {
    guard let start = numbers.baseAddress else { return }
    ci_uniforms(nextKey(), 0, low, high - low, start, numbers.count)
  }

  package mutating func integers(below bound: Int, into numbers: UnsafeMutableBufferPointer<UInt16>) {
    guard let start = numbers.baseAddress else { return }
    ci_integers(nextKey(), 0, UInt32(bound), start, numbers.count)
  }

  package mutating func words(into numbers: UnsafeMutableBufferPointer<UInt32>) -> Bool {
    guard let start = numbers.baseAddress else { return true }
    ci_words(nextKey(), 0, start, numbers.count)
    return true
  }

  package mutating func uniform(from low: Double, to high: Double) -> Double {
    var stream = nextStream()
    return low + (high - low) * stream.uniform()
  }

  package mutating func integer(below bound: Int) -> Int {
    var stream = nextStream()
    return stream.below(bound)
  }

  /// By inversion from the bottom; `ShotNoise` has a faster way that needs words alone.
  package mutating func poisson(
    means: UnsafeBufferPointer<Double>, into numbers: UnsafeMutableBufferPointer<Int32>
  ) {
    var stream = nextStream()
    for i in 0..<means.count {
      var left = stream.uniform()
      var count: Int32 = 0
      var probability = PoissonDistribution.probability(of: 0, mean: means[i])
      while left >= probability, probability > 0 || Double(count) < means[i] {
        left -= probability
        count += 1
        probability = PoissonDistribution.probability(of: Int(count), mean: means[i])
      }
      numbers[i] = count
    }
  }
}

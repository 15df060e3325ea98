/// Random numbers that are a pure function of a seed, a path of names and a position: Philox4x32-10.
///
/// There is no hidden state to carry along: element 1 000 000 of a stream is computed as fast as element 0, so work can be
/// split among any number of threads, or resumed anywhere, and the numbers stay the same.
///
/// ```swift
/// let epoch = CounterGenerator(seed: 7).derived("augmentation").derived(3)
/// var image = epoch.derived(UInt64(index))      // a stream of its own for every image
/// let flip = image.uniform() < 0.5
/// ```
///
/// Definition, so that others can reproduce it:
/// - `block(counter, key)` is Philox4x32-10 as published; word `i` of a stream is `block((i/4, 0), key)[i % 4]`, where the
///   64-bit number `i/4` fills the two low counter words, and the key is the seed, low half first.
/// - `derived(n)` has as key the first two words of `block((n, 2⁶⁴-1), key)`; no position reaches that counter.
/// - `derived(name)` is `derived` of the 64-bit FNV-1a hash of the name's UTF-8 bytes.
/// - `next()` joins two words, low half first. `uniform()` is the top 53 bits of that times 2⁻⁵³.
///
/// Integers, uniforms and permutations are the same bits on every platform. `normal()`, `gamma` and `beta` call the platform's
/// `log`, `cos` and `exp`, whose last bit may differ between C libraries.
/// - Source: Salmon et al., *Parallel random numbers: as easy as 1, 2, 3*, SC 2011.
public struct CounterGenerator: RandomNumberGenerator, Sendable {
  /// The two key words.
  public let key: SIMD2<UInt32>
  private var cursor: UInt64 = 0
  /// The block that holds word `cursor`, while `cursor` is inside it.
  private var current = SIMD4<UInt32>()

  public init(seed: UInt64) {
    key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
  }

  /// An independent stream, at its beginning, for number `n` below this one. The position of `self` plays no part.
  public func derived(_ n: UInt64) -> CounterGenerator {
    let low = UInt32(truncatingIfNeeded: n)
    let high = UInt32(truncatingIfNeeded: n >> 32)
    let words = Self.block(counter: SIMD4(low, high, .max, .max), key: key)
    return CounterGenerator(seed: UInt64(words.x) | UInt64(words.y) << 32)
  }

  /// An independent stream, at its beginning, for a name below this one: a purpose, a parameter's name.
  public func derived(_ name: String) -> CounterGenerator {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return derived(hash)
  }

  /// Number of 32-bit words drawn so far; set it to go on from anywhere.
  public var position: UInt64 {
    get { cursor }
    set {
      cursor = newValue
      current = Self.block(counter: Self.counter(newValue >> 2), key: key)
    }
  }

  /// The stream's word at a position, without drawing it.
  public func word(at position: UInt64) -> UInt32 {
    Self.block(counter: Self.counter(position >> 2), key: key)[Int(position & 3)]
  }

  /// Draws one 32-bit word.
  public mutating func nextWord() -> UInt32 {
    let lane = Int(cursor & 3)
    if lane == 0 { current = Self.block(counter: Self.counter(cursor >> 2), key: key) }
    cursor &+= 1
    return current[lane]
  }

  /// Draws 64 bits: two words, low half first.
  public mutating func next() -> UInt64 {
    let low = UInt64(nextWord())
    return low | UInt64(nextWord()) << 32
  }

  /// Ten rounds of Philox on four counter words, with the published multipliers and key increments.
  public static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var c = counter
    var k = key
    for _ in 0..<10 {
      let a = UInt64(c.x) &* 0xd251_1f53
      let b = UInt64(c.z) &* 0xcd9e_8d57
      c = SIMD4(
        UInt32(truncatingIfNeeded: b >> 32) ^ c.y ^ k.x, UInt32(truncatingIfNeeded: b),
        UInt32(truncatingIfNeeded: a >> 32) ^ c.w ^ k.y, UInt32(truncatingIfNeeded: a))
      k = k &+ SIMD2(0x9e37_79b9, 0xbb67_ae85)
    }
    return c
  }

  private static func counter(_ block: UInt64) -> SIMD4<UInt32> {
    SIMD4(UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32), 0, 0)
  }
}

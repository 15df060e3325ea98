/// The generator of Python's `random`, seeded with an integer: MT19937, and `randint` as Python draws it. Only for LAION-C's
/// glitches, whose published geometry is that of seed 1.
/// - Source: Matsumoto and Nishimura, 1998, with their `init_by_array`.
struct MersenneTwister {
  private var state = [UInt32](repeating: 0, count: 624)
  private var position = 624

  init(seed: UInt32) {
    state[0] = 19_650_218
    for i in 1..<624 { state[i] = 1_812_433_253 &* (state[i - 1] ^ state[i - 1] >> 30) &+ UInt32(i) }
    var i = 1
    func mixed(_ factor: UInt32) -> UInt32 { state[i] ^ ((state[i - 1] ^ state[i - 1] >> 30) &* factor) }
    for _ in 0..<624 {
      state[i] = mixed(1_664_525) &+ seed
      i += 1
      if i == 624 { (state[0], i) = (state[623], 1) }
    }
    for _ in 0..<623 {
      state[i] = mixed(1_566_083_941) &- UInt32(i)
      i += 1
      if i == 624 { (state[0], i) = (state[623], 1) }
    }
    state[0] = 0x8000_0000
  }

  private mutating func next() -> UInt32 {
    if position == 624 {
      for i in 0..<624 {
        let y = state[i] & 0x8000_0000 | state[(i + 1) % 624] & 0x7fff_ffff
        state[i] = state[(i + 397) % 624] ^ y >> 1 ^ (y & 1 == 0 ? 0 : 0x9908_b0df)
      }
      position = 0
    }
    var y = state[position]
    position += 1
    y ^= y >> 11
    y ^= y << 7 & 0x9d2c_5680
    y ^= y << 15 & 0xefc6_0000
    return y ^ y >> 18
  }

  /// An integer in `range`: as many bits as its size has, drawn until they fit.
  mutating func integer(in range: ClosedRange<Int>) -> Int {
    let size = range.count
    let bits = Int.bitWidth - size.leadingZeroBitCount
    while true {
      let drawn = Int(next() >> UInt32(32 - bits))
      if drawn < size { return range.lowerBound + drawn }
    }
  }
}

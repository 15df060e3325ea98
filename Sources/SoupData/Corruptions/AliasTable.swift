/// Draws from several finite distributions in constant time with one word of random bits each: Walker's alias method.
///
/// A distribution with up to `2^bits` outcomes becomes `2^bits` entries of equal weight, each shared by two outcomes. The
/// top `bits` of a word choose the entry, the next 16 the outcome in it, so a probability is off by at most `2^(-17-bits)`
/// an entry.
/// - Source: Walker, *An efficient method for generating discrete random variables with general distributions*, 1977;
///   Vose, 1991.
struct AliasTable: Sendable {
  let bits: Int
  /// `count << bits` entries: share of the first outcome in 2¹⁶ (16 bits), first outcome, second outcome (8 bits each).
  private(set) var entries: [UInt32] = []

  /// - Parameters:
  ///   - distributions: probabilities of outcomes 0, 1, …; at most `2^bits`, each list adding up to 1.
  ///   - outcomes: the byte that stands for each outcome.
  init(bits: Int, distributions: [[Double]], outcomes: [UInt8]) {
    self.bits = bits
    entries.reserveCapacity(distributions.count << bits)
    for probabilities in distributions { append(probabilities, outcomes) }
  }

  private mutating func append(_ probabilities: [Double], _ outcomes: [UInt8]) {
    let size = 1 << bits
    precondition(probabilities.count <= size && probabilities.count <= outcomes.count)
    var share = probabilities.map { $0 * Double(size) } + [Double](repeating: 0, count: size - probabilities.count)
    var alias = Array(0..<size)
    var small = share.indices.filter { share[$0] < 1 }
    var large = share.indices.filter { share[$0] >= 1 }
    while let low = small.last, let high = large.last {
      small.removeLast()
      alias[low] = high
      share[high] -= 1 - share[low]
      if share[high] < 1 {
        large.removeLast()
        small.append(high)
      }
    }
    // What is left differs from 1 by rounding only.
    for index in small + large { alias[index] = index }
    for index in 0..<size {
      let first = outcomes[min(index, outcomes.count - 1)]
      let second = outcomes[min(alias[index], outcomes.count - 1)]
      let part = alias[index] == index ? 0xffff : UInt32(max(0, min(65535, (share[index] * 65536).rounded())))
      entries.append(part | UInt32(first) << 16 | UInt32(second) << 24)
    }
  }
}

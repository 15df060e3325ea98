import Foundation

extension CounterGenerator {
  /// A number in [0, 1), a multiple of 2⁻⁵³.
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// An integer in `0..<bound`, every one equally likely: Lemire's multiplication with rejection.
  /// - Precondition: `bound > 0`.
  /// - Source: Lemire, *Fast random integer generation in an interval*, 2019, arXiv:1805.10941.
  public mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "an integer below \(bound) does not exist")
    let range = UInt64(bound)
    var (high, low) = range.multipliedFullWidth(by: next())
    if low < range {
      let threshold = (0 &- range) % range
      while low < threshold { (high, low) = range.multipliedFullWidth(by: next()) }
    }
    return Int(high)
  }

  /// `true` with probability `p`; always draws, so that what follows does not depend on `p`.
  public mutating func chance(_ p: Double) -> Bool { uniform() < p }

  /// The numbers `0..<count` in random order: Fisher and Yates' shuffle, from the end.
  public mutating func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    order.withUnsafeMutableBufferPointer { items in
      for last in stride(from: items.count - 1, to: 0, by: -1) { items.swapAt(last, below(last + 1)) }
    }
    return order
  }

  /// A standard normal number, by Box and Muller's formula. Two uniforms for one number, so that streams stay addressable.
  public mutating func normal() -> Double {
    let radius = (-2 * log(1 - uniform())).squareRoot()
    return radius * cos(2 * .pi * uniform())
  }

  /// The logarithm of a Gamma(`shape`, 1) number; finite where the number itself would underflow, as it does for small shapes.
  /// - Precondition: `shape > 0`.
  /// - Source: Marsaglia and Tsang, *A simple method for generating gamma variables*, 2000; below shape 1 by
  ///   `Gamma(a) = Gamma(a + 1) · U^(1/a)`.
  public mutating func logGamma(shape: Double) -> Double {
    precondition(shape > 0, "a gamma distribution of shape \(shape) does not exist")
    if shape < 1 {
      let boost = log(1 - uniform()) / shape
      return logGamma(shape: shape + 1) + boost
    }
    let d = shape - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = normal()
      let root = 1 + c * x
      guard root > 0 else { continue }
      let v = root * root * root
      if log(1 - uniform()) < 0.5 * x * x + d - d * v + d * log(v) { return log(d) + log(v) }
    }
  }

  /// A Beta(`a`, `b`) number: `X / (X + Y)` of two gamma numbers, computed from their logarithms.
  /// - Precondition: `a > 0`, `b > 0`.
  public mutating func beta(_ a: Double, _ b: Double) -> Double {
    let x = logGamma(shape: a)
    let y = logGamma(shape: b)
    return 1 / (1 + exp(y - x))
  }
}

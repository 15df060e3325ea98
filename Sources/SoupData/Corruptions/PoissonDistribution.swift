import Foundation

/// Counts of events that come one by one at a steady rate.
enum PoissonDistribution {
  /// `exp(-mean) meanᵏ / k!`.
  static func probability(of count: Int, mean: Double) -> Double {
    guard mean > 0 else { return count == 0 ? 1 : 0 }
    return exp(Double(count) * log(mean) - mean - lgamma(Double(count) + 1))
  }

  /// The probabilities of 0, 1, … `last - 1`, and of `last` or more.
  static func probabilities(mean: Double, last: Int) -> [Double] {
    var all = (0..<last).map { probability(of: $0, mean: mean) }
    all.append(max(0, 1 - all.reduce(0, +)))
    return all
  }
}

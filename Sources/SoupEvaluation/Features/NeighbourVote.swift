import Foundation

/// A weighted vote of the nearest images: `score(c) = Σ exp(sⱼ/T) · [yⱼ = c]` over the k largest cosine similarities s.
/// - Source: Wu et al., 2018, arXiv:1805.01978; k and T as in arXiv:2602.02890.
public struct NeighbourVote: Codable, Sendable, Hashable {
  /// k: how many images vote.
  public var neighbours: Int
  /// T: the smaller, the more the nearest decide.
  public var temperature: Double

  public init(neighbours: Int = 20, temperature: Double = 0.07) {
    self.neighbours = neighbours
    self.temperature = temperature
  }

  /// The logarithm of each class's share of the vote; no share is below `log 1e-12`, so that a class without votes has a finite
  /// loss. NaN where there is no neighbour: features that are not finite.
  /// - Parameters:
  ///   - similarities: of one image, in falling order.
  ///   - votes: the classes of those neighbours; negative where there is none.
  public func logShares(similarities: ArraySlice<Float>, votes: [Int], classes: Int) -> [Float] {
    guard let nearest = similarities.first, votes.first.map({ $0 >= 0 }) ?? false, nearest.isFinite else {
      return Array(repeating: .nan, count: classes)
    }
    var sums = [Double](repeating: 0, count: classes)
    // Relative to the nearest: the shares are the same, and no power overflows at small T.
    for (similarity, vote) in zip(similarities, votes) where vote >= 0 {
      sums[vote] += exp((Double(similarity) - Double(nearest)) / temperature)
    }
    let total = sums.reduce(0, +)
    return sums.map { Float(log(max($0 / total, 1e-12))) }
  }

  /// - Throws: `EvaluationError.Code.unsupported`.
  func validate(bank count: Int) throws(EvaluationError) {
    guard neighbours >= 1, neighbours <= count else {
      throw EvaluationError(
        .unsupported,
        "\(neighbours) nearest neighbours of \(count) images in the bank: ask for 1 to \(count), or give more images")
    }
    guard temperature > 0, temperature.isFinite else {
      throw EvaluationError(.unsupported, "the temperature of a vote must be above 0, found \(temperature)")
    }
  }
}

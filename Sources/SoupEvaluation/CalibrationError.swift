import Foundation

/// The probability given to the predicted class, and whether that class was right.
public struct Confidence: Sendable, Hashable {
  public var value: Double
  public var right: Bool

  public init(value: Double, right: Bool) {
    self.value = value
    self.right = right
  }
}

/// Expected calibration error: `Σ_b (n_b / n) · |accuracy_b − mean confidence_b|` over bins of confidence.
///
/// - Source: Guo et al., 2017, arXiv:1706.04599 (equal width); Nixon et al., 2019, arXiv:1904.01685 (equal mass).
///   *Model soups* uses bins of equal mass, which is our default.
public struct CalibrationError: Sendable, Hashable {
  public enum Bins: String, Codable, Sendable, CaseIterable {
    /// Images sorted by confidence and cut into bins whose sizes differ by one at most, the larger ones first (as
    /// `numpy.array_split`). Equal confidences keep their order.
    case equalMass = "equal-mass"
    /// Bins `(b/B, (b+1)/B]`; confidence 0 falls into the first.
    case equalWidth = "equal-width"
  }

  public var bins: Bins
  public var count: Int

  /// - Parameter count: number of bins, at least 1.
  public init(_ bins: Bins = .equalMass, count: Int = 15) {
    self.bins = bins
    self.count = max(1, count)
  }

  /// The error, in 0…1; 0 for no images.
  public func value(of confidences: [Confidence]) -> Double {
    guard !confidences.isEmpty else { return 0 }
    let gaps =
      switch bins {
      case .equalMass: equalMassGaps(confidences)
      case .equalWidth: equalWidthGaps(confidences)
      }
    return gaps.reduce(0) { $0 + abs($1) } / Double(confidences.count)
  }

  // A bin's gap is (number right − sum of confidences): the weight n_b/n and both means share the factor 1/n_b.

  private func equalMassGaps(_ confidences: [Confidence]) -> [Double] {
    let order = confidences.indices.sorted {
      (confidences[$0].value, $0) < (confidences[$1].value, $1)
    }
    let (size, larger) = confidences.count.quotientAndRemainder(dividingBy: count)
    var start = 0
    return (0..<count).map { bin in
      let end = start + size + (bin < larger ? 1 : 0)
      defer { start = end }
      return order[start..<end].reduce(0.0) { $0 + gap(of: confidences[$1]) }
    }
  }

  private func equalWidthGaps(_ confidences: [Confidence]) -> [Double] {
    var gaps = [Double](repeating: 0, count: count)
    for confidence in confidences {
      let bin = Int((confidence.value * Double(count)).rounded(.up)) - 1
      gaps[min(max(bin, 0), count - 1)] += gap(of: confidence)
    }
    return gaps
  }

  private func gap(of confidence: Confidence) -> Double { (confidence.right ? 1 : 0) - confidence.value }
}

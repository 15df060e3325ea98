/// How a model did on every version of the images, and on each image.
public struct ShiftOutcomes: Sendable {
  /// In the order of `ShiftedImages.versions`.
  public let versions: [SampleOutcomes]

  public init(versions: [SampleOutcomes]) { self.versions = versions }

  /// For each image the fraction of these versions that are right, in 0…1: what paired comparisons of means are made of. The
  /// versions of one image are not independent; images are.
  /// - Precondition: `chosen` are positions in `versions`, at least one.
  public func fractionRight(of chosen: [Int]) -> [Double] {
    var counts = [Int](repeating: 0, count: versions[chosen[0]].correct.count)
    for version in chosen {
      for (image, isRight) in versions[version].correct.enumerated() where isRight { counts[image] += 1 }
    }
    return counts.map { Double($0) / Double(chosen.count) }
  }

  /// The unweighted mean of accuracies.
  public func meanAccuracy(of chosen: [Int]) -> Double { mean(chosen, \.top1) }

  /// The unweighted mean of a number.
  public func mean(_ chosen: [Int], _ number: (Score) -> Double) -> Double {
    chosen.reduce(0) { $0 + number(versions[$1].score) } / Double(chosen.count)
  }
}

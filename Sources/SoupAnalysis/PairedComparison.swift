/// Two models compared on the same images: by how much, how surely, and could it be chance?
///
/// ```swift
/// let c = try PairedComparison(of: soup.correct, to: best.correct)
/// print(c.difference, c.interval, c.pValue)
/// ```
public struct PairedComparison: Codable, Sendable, Hashable {
  /// Accuracy of the model minus that of the reference, in −1…1.
  public var difference: Double
  /// Paired bootstrap interval of the difference.
  public var interval: Interval
  /// Exact McNemar test, two-sided (`SignFlipTest` where images count by fractions).
  public var pValue: Double
  /// Images that only the model gets right, and that only the reference does; of fractions, which of the two is right more often.
  public var won: Int
  public var lost: Int

  /// - Parameters:
  ///   - model: whether each image is right.
  ///   - reference: the same images in the same order.
  /// - Throws: `AnalysisError` for no images or lists of different lengths.
  public init(
    of model: [Bool], to reference: [Bool], bootstrap: PairedBootstrap = PairedBootstrap()
  ) throws(AnalysisError) {
    let outcomes = try PairedOutcomes(model, reference)
    difference = outcomes.difference
    interval = try bootstrap.difference(model, reference)
    pValue = outcomes.mcNemar
    won = outcomes.onlyFirst
    lost = outcomes.onlySecond
  }

  /// Of the mean accuracy over several sets of images, where an image may count by fractions: right under 12 of 15 corruptions.
  ///
  /// The p-value is that of `SignFlipTest`, which is McNemar's where nothing is a fraction.
  /// - Parameter sets: for each set of images its share in the mean, and for each image the fraction of its versions that are
  ///   right: the model's, the reference's. Versions of one image belong into one set: they are not independent.
  /// - Throws: `AnalysisError` for no images or lists of different lengths.
  public init(
    overSets sets: [(share: Double, model: [Double], reference: [Double])],
    bootstrap: PairedBootstrap = PairedBootstrap()
  ) throws(AnalysisError) {
    var strata: [[Double]] = []
    (difference, won, lost) = (0, 0, 0)
    for set in sets {
      guard set.model.count == set.reference.count, !set.model.isEmpty else {
        throw AnalysisError(
          .length,
          "two models are compared on the same images; one has \(set.model.count) results, the other \(set.reference.count)"
        )
      }
      let values = zip(set.model, set.reference).map { ($0 - $1) * set.share }
      strata.append(values)
      difference += values.reduce(0, +) / Double(values.count)
      won += values.count { $0 > 0 }
      lost += values.count { $0 < 0 }
    }
    interval = try bootstrap.sumOfMeans(strata)
    pValue = try SignFlipTest.pValue(sumOfMeans: strata)
  }

  private enum CodingKeys: String, CodingKey {
    case difference, interval
    case pValue = "p_value"
    case won, lost
  }
}

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
  /// Exact McNemar test, two-sided.
  public var pValue: Double
  /// Images that only the model gets right, and that only the reference does.
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

  private enum CodingKeys: String, CodingKey {
    case difference, interval
    case pValue = "p_value"
    case won, lost
  }
}

/// Do soups that gain on clean images gain on corrupted ones, and do they lose less to corruption than their parents?
///
/// The robustness of a model is `r = loss_clean − loss_corrupted`, below 0; the reported difference is `min(r_a, r_b) − r_s` in nats:
/// above 0, corruption costs the soup more than it costs the frailer parent.
/// - Source: Ghyselincks et al., *When is Model Souping Tasty?*, 2026, and its notebooks for the difference.
public struct RobustnessGap: Sendable, Codable {
  public struct Group: Sendable, Codable {
    public var sharedEpochs: Int
    public var pairs: Int
    /// Quantiles 0.1, 0.5, 0.9 of the difference.
    public var differences: [Double]
    /// The share of pairs with a difference below 0: corruption costs the soup less than the frailer parent.
    public var sturdier: Double

    private enum CodingKeys: String, CodingKey {
      case pairs, differences, sturdier
      case sharedEpochs = "shared_epochs"
    }
  }

  /// Clean and corrupted gain of the same measure, pair by pair.
  public let clean: SoupGain
  public let corrupted: SoupGain
  /// Pairs scored on both; pairs that gain on both, on clean images alone, on corrupted alone, on neither.
  public let pairs: Int
  public let counts: [Int]
  public let spearman: Correlation
  public let pearson: Correlation
  /// Empty without losses on both, or without branch epochs.
  public let groups: [Group]

  /// - Throws: `AnalysisError` where fewer than two pairs are scored on both.
  public init(_ table: PairTable, measure: SoupGain.Measure = .loss, over parent: SoupGain.Parent = .best)
    throws(AnalysisError)
  {
    let clean = SoupGain(measure.isLoss ? .loss : .accuracy, over: parent)
    let corrupted = SoupGain(measure.isLoss ? .corruptedLoss : .corruptedAccuracy, over: parent)
    (self.clean, self.corrupted) = (clean, corrupted)
    let both = table.pairs.compactMap { pair -> (Double, Double)? in
      guard let x = clean.value(pair, in: table), let y = corrupted.value(pair, in: table) else { return nil }
      return (x, y)
    }
    pairs = both.count
    func count(_ x: Bool, _ y: Bool) -> Int {
      both.count { SoupGain.isAbove($0.0) == x && SoupGain.isAbove($0.1) == y }
    }
    counts = [count(true, true), count(true, false), count(false, true), count(false, false)]
    spearman = try Correlation.spearman(both.map(\.0), both.map(\.1))
    pearson = try Correlation.pearson(both.map(\.0), both.map(\.1))
    var members: [Int: [Double]] = [:]
    for pair in table.pairs {
      guard let shared = table.sharedEpochs(pair), let difference = Self.difference(pair, in: table) else { continue }
      members[shared, default: []].append(difference)
    }
    groups = members.sorted { $0.key < $1.key }.map { shared, values in
      let sorted = values.sorted()
      return Group(
        sharedEpochs: shared, pairs: values.count,
        differences: [0.1, 0.5, 0.9].map { PairedBootstrap.quantile(sorted, $0) },
        sturdier: Double(values.count { $0 < 0 }) / Double(values.count))
    }
  }

  /// `min(r_a, r_b) − r_s`; nil where a loss is missing.
  public static func difference(_ pair: PairTable.Pair, in table: PairTable) -> Double? {
    func gap(_ scores: PairTable.Scores) -> Double? {
      guard let clean = scores.loss, let corrupted = scores.corruptedLoss else { return nil }
      return clean - corrupted
    }
    guard let a = gap(table.models[pair.a].scores), let b = gap(table.models[pair.b].scores),
      let soup = gap(pair.scores)
    else { return nil }
    return min(a, b) - soup
  }
}

/// How the chance that two models soup depends on the epochs that they were trained together.
public struct SharedTraining: Sendable {
  /// Pairs with the same number of shared epochs.
  public struct Group: Sendable, Codable {
    public var sharedEpochs: Int
    public var pairs: Int
    /// P(accuracy gain over the best parent > k), in the order of `thresholds`.
    public var above: [Double]
    /// 95 % bootstrap interval of P(gain > 0) over the pairs of the group; pairs share models, so it is too narrow.
    public var positiveInterval: Interval
    /// Mean accuracy gain of the pairs that gain; nil without one.
    public var meanGain: Double?
    /// The share of soups that have collapsed (`PairTable.collapse`).
    public var collapsed: Double
    /// P(loss gain ≥ 0), on clean and on corrupted images; a soup without a score there counts as none.
    public var lossNotWorse: Double?
    public var corruptedLossNotWorse: Double?
    /// Quantiles 0.1, 0.5, 0.9 of the loss gain.
    public var lossGains: [Double]
    /// Mean of one measure of similarity.
    public var meanSimilarity: Double?

    private enum CodingKeys: String, CodingKey {
      case sharedEpochs = "shared_epochs"
      case pairs, above
      case positiveInterval = "positive_interval"
      case meanGain = "mean_gain"
      case collapsed
      case lossNotWorse = "loss_not_worse"
      case corruptedLossNotWorse = "corrupted_loss_not_worse"
      case lossGains = "loss_gains"
      case meanSimilarity = "mean_similarity"
    }
  }

  /// In points.
  public static let thresholds = [-50.0, -5, 0, 0.5]

  public let groups: [Group]

  /// - Parameter measure: the similarity that is averaged over each group.
  public init(_ table: PairTable, measure: String? = nil) throws(AnalysisError) {
    var members: [Int: [PairTable.Pair]] = [:]
    for pair in table.pairs { if let shared = table.sharedEpochs(pair) { members[shared, default: []].append(pair) } }
    var groups: [Group] = []
    for (shared, pairs) in members.sorted(by: { $0.key < $1.key }) {
      groups.append(try Self.group(shared, pairs, table, measure))
    }
    self.groups = groups
  }

  private static func group(
    _ shared: Int, _ pairs: [PairTable.Pair], _ table: PairTable, _ measure: String?
  ) throws(AnalysisError) -> Group {
    let accuracy = SoupGain(.accuracy)
    let loss = SoupGain(.loss)
    let corrupted = SoupGain(.corruptedLoss)
    let n = Double(pairs.count)
    let gains = pairs.compactMap { accuracy.value($0, in: table) }
    let losses = pairs.compactMap { loss.value($0, in: table) }
    let positive = gains.filter { SoupGain.isAbove($0) }
    let bootstrap = PairedBootstrap(resamples: 1000, method: .percentile)
    let similarities = measure.map { name in pairs.compactMap { $0.similarities[name] } } ?? []
    let hasCorrupted = table.models.contains { $0.scores.corruptedLoss != nil }
    return Group(
      sharedEpochs: shared, pairs: pairs.count,
      above: thresholds.map { k in Double(gains.count { SoupGain.isAbove($0, k) }) / n },
      positiveInterval: try bootstrap.mean(gains.map { SoupGain.isAbove($0) ? 1 : 0 }),
      meanGain: positive.isEmpty ? nil : positive.reduce(0, +) / Double(positive.count),
      collapsed: Double(pairs.count { table.isCollapsed($0) }) / n,
      lossNotWorse: losses.isEmpty ? nil : Double(losses.count { $0 >= 0 }) / n,
      corruptedLossNotWorse: hasCorrupted
        ? Double(pairs.count { corrupted.value($0, in: table).map { $0 >= 0 } ?? false }) / n : nil,
      lossGains: losses.isEmpty ? [] : [0.1, 0.5, 0.9].map { PairedBootstrap.quantile(losses.sorted(), $0) },
      meanSimilarity: similarities.isEmpty ? nil : similarities.reduce(0, +) / Double(similarities.count))
  }
}

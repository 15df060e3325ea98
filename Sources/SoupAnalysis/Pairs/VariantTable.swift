/// Which variants of training soup with which: models are those of a variant, whatever their branch point.
public struct VariantTable: Sendable, Codable {
  public struct Row: Sendable, Codable, Hashable {
    public var variant: String
    public var models: Int
    /// Means over the models, in percent.
    public var accuracy: Double
    public var corruptedAccuracy: Double?
    /// Over all pairs with a model of the variant.
    public var cell: Cell

    private enum CodingKeys: String, CodingKey {
      case variant, models, accuracy, cell
      case corruptedAccuracy = "corrupted_accuracy"
    }
  }

  /// Pairs of one variant and another, or of the same.
  public struct Cell: Sendable, Codable, Hashable {
    public var first: String
    public var second: String
    public var pairs: Int
    /// P(gain > 0).
    public var positive: Double
    public var collapsed: Double
    /// Median gain.
    public var median: Double
  }

  public let gain: SoupGain
  public let rows: [Row]
  /// Both orders of every two variants that have a pair.
  public let cells: [Cell]

  /// - Throws: `AnalysisError` where no two models have different variants.
  public init(_ table: PairTable, gain: SoupGain = SoupGain(.loss)) throws(AnalysisError) {
    self.gain = gain
    let names = Set(table.models.compactMap(\.variant)).sorted { ($0.count, $0) < ($1.count, $1) }
    guard names.count > 1 else { throw AnalysisError(.tooFew, "no two models have different variants") }
    func cell(_ first: String, _ second: String, _ belongs: (String, String) -> Bool) -> Cell? {
      let pairs = table.pairs.filter { pair in
        guard let a = table.models[pair.a].variant, let b = table.models[pair.b].variant else { return false }
        return belongs(a, b)
      }
      let gains = pairs.compactMap { gain.value($0, in: table) }
      guard !gains.isEmpty else { return nil }
      let n = Double(gains.count)
      return Cell(
        first: first, second: second, pairs: pairs.count,
        positive: Double(gains.count { SoupGain.isAbove($0) }) / n,
        collapsed: Double(pairs.count { table.isCollapsed($0) }) / Double(pairs.count),
        median: PairedBootstrap.quantile(gains.sorted(), 0.5))
    }
    rows = names.compactMap { name in
      let own = table.models.filter { $0.variant == name }
      guard let all = cell(name, "any", { $0 == name || $1 == name }) else { return nil }
      let corrupted = own.compactMap(\.scores.corruptedAccuracy)
      return Row(
        variant: name, models: own.count, accuracy: own.reduce(0) { $0 + $1.scores.accuracy } / Double(own.count),
        corruptedAccuracy: corrupted.isEmpty ? nil : corrupted.reduce(0, +) / Double(corrupted.count), cell: all)
    }
    cells = names.flatMap { first in
      names.compactMap { second in
        cell(first, second) { ($0 == first && $1 == second) || ($0 == second && $1 == first) }
      }
    }
  }
}

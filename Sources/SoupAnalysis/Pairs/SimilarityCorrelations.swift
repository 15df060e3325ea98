/// Which measure of similarity tells whether two models soup: Spearman's and Pearson's correlations with gain, over all pairs and over those that gain.
public struct SimilarityCorrelations: Sendable, Codable {
  public struct Row: Sendable, Codable {
    public var measure: String
    /// Spearman's with each gain over all its pairs, and over its pairs with a gain above 0.
    public var all: [Correlation]
    public var positive: [Correlation]
    /// Pearson's, likewise.
    public var pearson: [Correlation] = []
    public var positivePearson: [Correlation] = []
    /// 95 % intervals of `all` and `positive`, over models (`null` for fewer than three).
    public var intervals: [Interval?] = []
    public var positiveIntervals: [Interval?] = []
    /// Spearman's with shared epochs.
    public var shared: Correlation?

    private enum CodingKeys: String, CodingKey {
      case measure, all, positive, pearson, intervals, shared
      case positiveIntervals = "positive_intervals"
      case positivePearson = "positive_pearson"
    }
  }

  public let gains: [SoupGain]
  /// Pairs with a gain above 0, for each gain.
  public let positives: [Int]
  public let rows: [Row]

  /// - Throws: `AnalysisError` where a measure has fewer than two pairs.
  public init(
    _ table: PairTable, gains: [SoupGain] = [SoupGain(.accuracy), SoupGain(.loss)]
  ) throws(AnalysisError) {
    self.gains = gains
    positives = gains.map { gain in
      table.pairs.count { pair in gain.value(pair, in: table).map { SoupGain.isAbove($0) } ?? false }
    }
    var rows: [Row] = []
    for measure in table.measures {
      var row = Row(measure: measure, all: [], positive: [], shared: nil)
      for gain in gains {
        let found = table.pairs.compactMap { pair -> (point: (Double, Double), models: (a: Int, b: Int))? in
          guard let x = pair.similarities[measure], let y = gain.value(pair, in: table) else { return nil }
          return ((x, y), (pair.a, pair.b))
        }
        let gaining = found.filter { SoupGain.isAbove($0.point.1) }
        let (points, positive) = (found.map(\.point), gaining.map(\.point))
        func interval(_ points: [(Double, Double)], _ models: [(a: Int, b: Int)]) -> Interval? {
          ModelJackknife.correlation(
            Correlation.ranks(points.map(\.0)), Correlation.ranks(points.map(\.1)), models, models: table.models.count)
        }
        row.intervals.append(interval(points, found.map(\.models)))
        row.positiveIntervals.append(interval(positive, gaining.map(\.models)))
        row.all.append(try Self.correlation(points, Correlation.spearman))
        row.positive.append(try Self.correlation(positive, Correlation.spearman))
        row.pearson.append(try Self.correlation(points, Correlation.pearson))
        row.positivePearson.append(try Self.correlation(positive, Correlation.pearson))
      }
      let shared = table.pairs.compactMap { pair -> (Double, Double)? in
        guard let x = pair.similarities[measure], let epochs = table.sharedEpochs(pair) else { return nil }
        return (x, Double(epochs))
      }
      if shared.count > 1 { row.shared = try Self.correlation(shared, Correlation.spearman) }
      rows.append(row)
    }
    self.rows = rows
  }

  private static func correlation(
    _ points: [(Double, Double)], _ kind: ([Double], [Double]) throws(AnalysisError) -> Correlation
  ) throws(AnalysisError) -> Correlation {
    guard points.count > 1 else { return Correlation(coefficient: .nan, pValue: .nan, count: points.count) }
    return try kind(points.map(\.0), points.map(\.1))
  }
}

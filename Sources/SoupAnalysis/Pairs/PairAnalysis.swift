/// Everything that a table of pair soups says about when two models soup.
public struct PairAnalysis: Sendable, Encodable {
  public let models: Int
  public let pairs: Int
  /// What triangles, graph and embedding are of.
  public let gain: SoupGain
  /// Pairs whose soup gains, and whose soup has collapsed (`PairTable.collapse`).
  public let positive: Int
  public let collapsed: Int
  /// Empty where branch epochs are not known.
  public let shared: [SharedTraining.Group]
  /// Of every gain that the table has scores for; empty where branch epochs are not known.
  public let curves: [GainCurves]
  public let correlations: SimilarityCorrelations
  /// Nil without a complete triangle.
  public let transitivity: Transitivity?
  public let failures: TriangleFailures?
  public let graph: Graph
  /// Nil where a pair has no soup.
  public let embedding: Embedding?
  /// Nil without scores on corrupted images.
  public let robustness: RobustnessGap?
  /// Nil where variants are not known.
  public let variants: VariantTable?

  public struct Graph: Sendable, Encodable {
    public let edges: Int
    /// Sizes of the connected components with more than one model, the largest first.
    public let components: [Int]
    /// Models without an edge.
    public let isolated: Int
    /// Names of a largest set of which every two gain.
    public let largestClique: [String]

    private enum CodingKeys: String, CodingKey {
      case edges, components, isolated
      case largestClique = "largest_clique"
    }
  }

  /// Models in the plane by soup distance.
  public struct Embedding: Sendable, Encodable {
    public let stress: Double
    public let x: [Double]
    public let y: [Double]
  }

  /// - Parameter window: shared epochs of the triangles that count in `failures.distances`; nil for all.
  /// - Throws: `AnalysisError` where there is too little of something that is needed throughout.
  public init(
    _ table: PairTable, gain: SoupGain = SoupGain(.loss), roles: Transitivity.Roles = .all,
    window: ClosedRange<Int>? = nil
  ) throws(AnalysisError) {
    models = table.models.count
    pairs = table.pairs.count
    self.gain = gain
    positive = table.pairs.count { gain.value($0, in: table).map { SoupGain.isAbove($0) } ?? false }
    collapsed = table.pairs.count { table.isCollapsed($0) }
    let hasLoss = table.models.contains { $0.scores.loss != nil }
    shared = try SharedTraining(
      table, measure: table.measures.contains("kl_logits") ? "kl_logits" : table.measures.first
    ).groups
    correlations = try SimilarityCorrelations(
      table, gains: [SoupGain(.accuracy)] + (hasLoss ? [SoupGain(.loss)] : []))
    curves =
      shared.isEmpty
      ? []
      : SoupGain.Measure.allCases.map { SoupGain($0, over: gain.parent) }.filter { gain in
        table.pairs.contains { gain.value($0, in: table) != nil }
      }.map { GainCurves(table, gain: $0) }
    transitivity = try? Transitivity(table, gain: gain, roles: roles)
    failures = transitivity.map { _ in TriangleFailures(table, gain: gain, window: window) }
    robustness = try? RobustnessGap(table, measure: gain.measure, over: gain.parent)
    variants = try? VariantTable(table, gain: gain)
    let found = SoupGraph(table, gain: gain)
    let components = found.components
    graph = Graph(
      edges: found.edgeCount, components: components.map(\.count).filter { $0 > 1 },
      isolated: components.count { $0.count == 1 },
      largestClique: found.largestClique.map { table.models[$0].name })
    if let distance = try? SoupDistance(table, gain: gain) {
      let scaling = try MetricScaling(distance.values, count: table.models.count)
      embedding = Embedding(
        stress: scaling.stress, x: scaling.points.map(\.x), y: scaling.points.map(\.y))
    } else {
      embedding = nil
    }
  }
}

/// If A soups with B and with C, do B and C soup? Over all triangles of models.
///
/// Every triangle is looked at from each of its three corners (A; B, C): `x` is the smaller, or the mean, of the gains of AB and AC, `y`
/// the gain of BC. The statistics then do not depend on any order. A published table took one corner of each triangle, the first
/// in the order of its rows; `Roles.first` does the same.
public struct Transitivity: Sendable, Codable {
  public enum Roles: String, Sendable, Codable { case all, first }

  /// Triangles with all three gains.
  public let triangles: Int
  /// Of the gain of BC with the smaller and with the mean gain of AB and AC: Spearman's.
  public let minimum: Correlation
  public let mean: Correlation
  /// Pearson's.
  public let minimumPearson: Correlation
  public let meanPearson: Correlation
  /// P(gain of BC > 0), given how many of AB and AC have a gain above 0: none, one, both; nil without such a triangle.
  public let positive: [Double?]
  public let counts: [Int]
  /// 95 % intervals of `positive`, over models.
  public let intervals: [Interval?]
  /// Triangles with at least two edges above 0, from all corners whose two edges are, by the epochs that all three share.
  public let failures: [Failures]

  public struct Failures: Sendable, Codable {
    public var sharedEpochs: Int
    /// Corners A with AB and AC above 0.
    public var rows: Int
    /// Of them, those whose BC is not.
    public var failed: Int

    private enum CodingKeys: String, CodingKey {
      case sharedEpochs = "shared_epochs"
      case rows, failed
    }
  }

  private enum CodingKeys: String, CodingKey {
    case triangles, minimum, mean, positive, counts, intervals, failures
    case minimumPearson = "minimum_pearson"
    case meanPearson = "mean_pearson"
  }

  /// `x` (the smaller or the mean of the gains of AB and AC) and `y` (of BC) of every corner, for figures.
  public static func corners(
    _ table: PairTable, gain: SoupGain, roles: Roles = .all
  ) -> (smaller: [Double], means: [Double], others: [Double]) {
    let n = table.models.count
    let gains = table.matrix { gain.value($0, in: table) }
    var (smaller, means, others): ([Double], [Double], [Double]) = ([], [], [])
    for i in 0..<n {
      for j in i + 1..<max(n, i + 1) where !gains[i * n + j].isNaN {
        for k in j + 1..<max(n, j + 1) {
          let (ij, ik, jk) = (gains[i * n + j], gains[i * n + k], gains[j * n + k])
          if ik.isNaN || jk.isNaN { continue }
          for (first, second, other) in roles == .all ? [(ij, ik, jk), (ij, jk, ik), (ik, jk, ij)] : [(ij, ik, jk)] {
            smaller.append(min(first, second))
            means.append((first + second) / 2)
            others.append(other)
          }
        }
      }
    }
    return (smaller, means, others)
  }

  /// - Throws: `AnalysisError` where no triangle is complete.
  /// - Complexity: n³ for n models; 104 models have 182,104 triangles.
  public init(_ table: PairTable, gain: SoupGain = SoupGain(.loss), roles: Roles = .all) throws(AnalysisError) {
    let n = table.models.count
    let gains = table.matrix { gain.value($0, in: table) }
    var (smaller, means, others): ([Double], [Double], [Double]) = ([], [], [])
    var (positive, counts) = ([0, 0, 0], [0, 0, 0])
    var failures: [Int: Failures] = [:]
    var triangles = 0
    // Of each model and number of edges: corners of its triangles, and those whose third pair gains.
    var own = [SIMD8<Int32>](repeating: .zero, count: n)
    for i in 0..<n {
      for j in i + 1..<max(n, i + 1) where !gains[i * n + j].isNaN {
        for k in j + 1..<max(n, j + 1) {
          let (ij, ik, jk) = (gains[i * n + j], gains[i * n + k], gains[j * n + k])
          if ik.isNaN || jk.isNaN { continue }
          triangles += 1
          var corner = SIMD8<Int32>.zero
          let corners = [(ij, ik, jk), (ij, jk, ik), (ik, jk, ij)]
          for (first, second, other) in roles == .all ? corners : [corners[0]] {
            smaller.append(min(first, second))
            means.append((first + second) / 2)
            others.append(other)
            let edges = (SoupGain.isAbove(first) ? 1 : 0) + (SoupGain.isAbove(second) ? 1 : 0)
            counts[edges] += 1
            corner[edges] += 1
            if SoupGain.isAbove(other) {
              positive[edges] += 1
              corner[4 + edges] += 1
            }
            guard edges == 2, let a = table.models[i].branchEpoch, let b = table.models[j].branchEpoch,
              let c = table.models[k].branchEpoch
            else { continue }
            let shared = min(a, b, c)
            failures[shared, default: Failures(sharedEpochs: shared, rows: 0, failed: 0)].rows += 1
            if !SoupGain.isAbove(other) { failures[shared]!.failed += 1 }
          }
          for model in [i, j, k] { own[model] &+= corner }
        }
      }
    }
    guard triangles > 0 else {
      throw AnalysisError(.tooFew, "transitivity needs three models with all three soups between them")
    }
    self.triangles = triangles
    // Every row's y occurs once, so that its ranks serve both.
    let ranks = Correlation.ranks(others)
    minimum = try Correlation.pearson(Correlation.ranks(smaller), ranks)
    mean = try Correlation.pearson(Correlation.ranks(means), ranks)
    minimumPearson = try Correlation.pearson(smaller, others)
    meanPearson = try Correlation.pearson(means, others)
    self.counts = counts
    self.positive = zip(positive, counts).map { $1 == 0 ? nil : Double($0) / Double($1) }
    var intervals: [Interval?] = []
    for edges in 0..<3 {
      var left: [Double] = []
      for model in own {
        let whole = counts[edges] - Int(model[edges])
        let gaining = positive[edges] - Int(model[4 + edges])
        left.append(Double(gaining) / Double(whole))
      }
      let value = Double(positive[edges]) / Double(counts[edges])
      intervals.append(ModelJackknife.interval(value, without: left, in: 0...1))
    }
    self.intervals = intervals
    self.failures = failures.values.sorted { $0.sharedEpochs < $1.sharedEpochs }
  }
}

/// Models in an order in which neighbours are alike: hierarchical clustering, where the distance of two clusters is the mean distance of
/// their members (UPGMA).
///
/// The two closest clusters are merged until one is left; of equal distances, the first. At every merge the sides are turned so that
/// the ends that meet are the closest of the four.
/// - Complexity: n³ in the worst case, n² usual: each cluster remembers its nearest.
/// - Source: Sokal and Michener, 1958; merges and heights as `scipy.cluster.hierarchy.linkage(…, "average")`.
public struct AverageLinkage: Sendable {
  /// Two clusters joined: numbers below n are models, n + k is what merge k made.
  public struct Merge: Sendable, Equatable {
    public let first: Int
    public let second: Int
    public let height: Double
    /// Models in it.
    public let size: Int
  }

  public let merges: [Merge]
  /// All models, clusters together.
  public let order: [Int]

  /// - Parameter distances: `n × n`, symmetric, by row; the diagonal plays no part.
  /// - Throws: `AnalysisError` unless there are n² distances, those off the diagonal finite and symmetric.
  public init(_ distances: [Double], count n: Int) throws(AnalysisError) {
    guard n > 0, distances.count == n * n else {
      throw AnalysisError(.length, "\(n) models need \(n * n) distances, found \(distances.count)")
    }
    for i in 0..<n {
      for j in 0..<i {
        guard distances[i * n + j].isFinite, distances[i * n + j] == distances[j * n + i] else {
          throw AnalysisError(.range, "distances are symmetric and finite; not so at \(i), \(j)")
        }
      }
    }
    var table = distances
    // A cluster lives in the row of its first model.
    var active = Array(0..<n)
    var clusters = (0..<n).map { (id: $0, order: [$0]) }
    func nearest(_ row: Int, _ table: [Double], _ active: [Int]) -> Int {
      var best = -1
      for other in active where other != row && (best < 0 || table[row * n + other] < table[row * n + best]) {
        best = other
      }
      return best
    }
    var near = (0..<n).map { nearest($0, table, active) }
    var merges: [Merge] = []
    while active.count > 1 {
      let a = active.min { table[$0 * n + near[$0]] < table[$1 * n + near[$1]] }!
      let (kept, gone) = (min(a, near[a]), max(a, near[a]))
      let (one, two) = (clusters[kept], clusters[gone])
      let (sizeOne, sizeTwo) = (Double(one.order.count), Double(two.order.count))
      merges.append(
        Merge(
          first: min(one.id, two.id), second: max(one.id, two.id), height: table[kept * n + gone],
          size: one.order.count + two.order.count))
      clusters[kept] = (n + merges.count - 1, Self.joined(one.order, two.order, distances, n))
      active.removeAll { $0 == gone }
      for other in active where other != kept {
        let mean = (sizeOne * table[kept * n + other] + sizeTwo * table[gone * n + other]) / (sizeOne + sizeTwo)
        table[kept * n + other] = mean
        table[other * n + kept] = mean
      }
      for row in active where row == kept || near[row] == kept || near[row] == gone {
        near[row] = nearest(row, table, active)
      }
      // Average linkage never brings a third cluster closer than the nearer of the two was.
    }
    self.merges = merges
    order = clusters[active[0]].order
  }

  private static func joined(_ a: [Int], _ b: [Int], _ distances: [Double], _ n: Int) -> [Int] {
    let ends = [
      (a, b), (a, Array(b.reversed())), (Array(a.reversed()), b), (Array(a.reversed()), Array(b.reversed())),
    ]
    return ends.min { distances[$0.0.last! * n + $0.1[0]] < distances[$1.0.last! * n + $1.1[0]] }.map { $0.0 + $0.1 }!
  }
}

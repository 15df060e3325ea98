/// Sums over elements from which every similarity of every pair follows.
///
/// With a reference r, `dᵢ = aᵢ − r`: the inner products of all d and of r, as the lower triangle by rows, r last.
struct GramSums: Sendable {
  let models: Int
  /// `(models + 1)(models + 2) / 2` inner products.
  var products: [Double]
  /// Of each pair j ≤ i of models: elements at which neither d is zero, and those of them whose signs differ; empty without a base.
  var both: [UInt64]
  var apart: [UInt64]
  /// `‖aᵢ − aⱼ‖²` of pairs that are too close for their inner products to tell.
  var direct: [Double]
  /// Elements that are NaN or infinite, of each model, the base last.
  var notFinite: [Int]
  /// Elements left out because a model, or the base, is not finite there.
  var skipped = 0

  init(models: Int, hasBase: Bool, direct: Int) {
    self.models = models
    products = [Double](repeating: 0, count: (models + 1) * (models + 2) / 2)
    both = [UInt64](repeating: 0, count: hasBase ? models * (models + 1) / 2 : 0)
    apart = both
    self.direct = [Double](repeating: 0, count: direct)
    notFinite = [Int](repeating: 0, count: models + 1)
  }

  static func place(_ i: Int, _ j: Int) -> Int { max(i, j) * (max(i, j) + 1) / 2 + min(i, j) }

  mutating func add(_ other: GramSums) {
    for k in products.indices { products[k] += other.products[k] }
    for k in both.indices { both[k] += other.both[k] }
    for k in apart.indices { apart[k] += other.apart[k] }
    for k in direct.indices { direct[k] += other.direct[k] }
    for k in notFinite.indices { notFinite[k] += other.notFinite[k] }
    skipped += other.skipped
  }

  /// `dᵢ · dⱼ`; index `models` is r.
  func product(_ i: Int, _ j: Int) -> Double { products[Self.place(i, j)] }

  /// `‖aᵢ − aⱼ‖²` by inner products, never below 0.
  func squaredDistance(_ i: Int, _ j: Int) -> Double {
    max(0, product(i, i) + product(j, j) - 2 * product(i, j))
  }

  /// Pairs `j < i` whose squared distance is below a share of what it is the difference of, so that digits are lost.
  func close(below share: Double) -> [(Int, Int)] {
    var pairs: [(Int, Int)] = []
    for i in 0..<models {
      for j in 0..<i where squaredDistance(i, j) <= share * (product(i, i) + product(j, j)) { pairs.append((i, j)) }
    }
    return pairs
  }
}

import SoupTensors

/// Divides pairs of models so that neither model of a pair that is held out is in any pair that is fitted on.
///
/// Models, not pairs, are dealt into folds. For every two folds f ≤ g the pairs of a model of f and one of g are held out, and the pairs
/// without any model of either are left to fit on. A random division of pairs would leave both models of nearly every pair in the fit.
enum ModelFolds {
  struct Split {
    /// Positions of pairs.
    let left: [Int]
    let held: [Int]
  }

  /// - Parameters:
  ///   - members: the two models of each pair.
  ///   - folds: at least 2; fewer where there are fewer than two models for each.
  static func splits(_ members: [(Int, Int)], folds: Int, seed: UInt64) -> [Split] {
    let models = Set(members.flatMap { [$0.0, $0.1] })
    let stream = CounterGenerator(seed: seed).derived("folds")
    func key(_ model: Int) -> (UInt32, Int) { (stream.word(at: UInt64(model)), model) }
    let order = models.sorted { key($0) < key($1) }
    let count = max(2, min(folds, models.count / 2))
    let fold = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0 % count) })
    let places = members.map { (fold[$0.0]!, fold[$0.1]!) }
    var splits: [Split] = []
    for f in 0..<count {
      for g in f..<count {
        var (left, held): ([Int], [Int]) = ([], [])
        for (index, place) in places.enumerated() {
          if min(place.0, place.1) == f, max(place.0, place.1) == g {
            held.append(index)
          } else if place.0 != f, place.0 != g, place.1 != f, place.1 != g {
            left.append(index)
          }
        }
        if !held.isEmpty { splits.append(Split(left: left, held: held)) }
      }
    }
    return splits
  }
}

/// Intervals of statistics over pairs and triangles of models: the models vary, not the pairs.
///
/// Each model is left out in turn, with every pair and triangle that it is in: `se² = (n − 1)/n · Σ (θ₍₋ᵢ₎ − θ̄)²`. Pairs that share a model
/// are not independent, and an interval that counts them as if they were is several times too narrow.
/// - Source: Arvesen, *Jackknifing U-statistics*, 1969.
enum ModelJackknife {
  /// 95 %, by the normal quantile; nil for fewer than three models or a value that is not finite.
  /// - Parameter left: the statistic without each model; those that are not finite do not count.
  static func interval(_ value: Double, without left: [Double], in range: ClosedRange<Double>) -> Interval? {
    let values = left.filter(\.isFinite)
    guard value.isFinite, values.count > 2 else { return nil }
    let n = Double(values.count)
    let mean = values.reduce(0, +) / n
    let variance = (n - 1) / n * values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let half = 1.959_963_984_540_054 * variance.squareRoot()
    return Interval(max(range.lowerBound, value - half), min(range.upperBound, value + half))
  }

  /// The interval of Pearson's correlation of `x` and `y`, such as of ranks, each of a pair of models. Ranks are not made again without
  /// a model: with dozens of models that changes nothing that can be seen.
  static func correlation(_ x: [Double], _ y: [Double], _ pairs: [(a: Int, b: Int)], models: Int) -> Interval? {
    guard x.count > 2 else { return nil }
    // Of numbers near 0, so that sums keep their digits.
    let n = Double(x.count)
    let (mx, my) = (x.reduce(0, +) / n, y.reduce(0, +) / n)
    var all = Sums()
    var own = [Sums](repeating: Sums(), count: models)
    for index in x.indices {
      let (dx, dy) = (x[index] - mx, y[index] - my)
      all.add(dx, dy)
      own[pairs[index].a].add(dx, dy)
      own[pairs[index].b].add(dx, dy)
    }
    return interval(all.correlation, without: own.filter { $0.n > 0 }.map { (all - $0).correlation }, in: -1...1)
  }

  private struct Sums {
    var (n, x, y, xx, yy, xy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

    mutating func add(_ a: Double, _ b: Double) {
      n += 1
      x += a
      y += b
      xx += a * a
      yy += b * b
      xy += a * b
    }

    static func - (p: Sums, q: Sums) -> Sums {
      var sums = Sums()
      (sums.n, sums.x, sums.y) = (p.n - q.n, p.x - q.x, p.y - q.y)
      (sums.xx, sums.yy, sums.xy) = (p.xx - q.xx, p.yy - q.yy, p.xy - q.xy)
      return sums
    }

    var correlation: Double {
      let scale = (n * xx - x * x) * (n * yy - y * y)
      return n > 2 && scale > 0 ? (n * xy - x * y) / scale.squareRoot() : .nan
    }
  }
}

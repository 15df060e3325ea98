import SoupTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Points in the plane whose distances are as close as can be to given dissimilarities: metric multidimensional scaling.
///
/// Minimises `σ = Σ_{i<j} (‖xᵢ − xⱼ‖ − δᵢⱼ)²` by majorisation (SMACOF): with `B` of `bᵢⱼ = −δᵢⱼ / ‖xᵢ − xⱼ‖`, the step `x ← B x / n` never
/// raises it. The best of several random starts is kept; a seed gives the same points.
/// - Source: de Leeuw, 1977; Borg and Groenen, *Modern Multidimensional Scaling*, 2005.
public struct MetricScaling: Sendable {
  /// Centred on the origin, with the longest extent along x.
  public let points: [(x: Double, y: Double)]
  /// σ.
  public let stress: Double

  /// - Parameters:
  ///   - dissimilarities: `n × n`, symmetric, by row; the diagonal plays no part.
  ///   - tolerance: ends a start when a step lowers σ by less than this share.
  /// - Throws: `AnalysisError` unless there are n² finite values, none below 0, symmetric.
  public init(
    _ dissimilarities: [Double], count n: Int, starts: Int = 4, steps: Int = 1000, tolerance: Double = 1e-7,
    seed: UInt64 = 0
  ) throws(AnalysisError) {
    guard n > 1, dissimilarities.count == n * n else {
      throw AnalysisError(.length, "\(n) points need \(n * n) dissimilarities, found \(dissimilarities.count)")
    }
    for i in 0..<n {
      for j in 0..<i {
        let value = dissimilarities[i * n + j]
        guard value.isFinite, value >= 0, value == dissimilarities[j * n + i] else {
          throw AnalysisError(.range, "dissimilarities are symmetric, finite and not below 0; not so at \(i), \(j)")
        }
      }
    }
    var best: (points: [Double], stress: Double)?
    for start in 0..<max(1, starts) {
      var generator = CounterGenerator(seed: seed).derived("scaling").derived(UInt64(start))
      let found = Self.descend(
        (0..<2 * n).map { _ in generator.uniform() - 0.5 }, dissimilarities, n, steps, tolerance)
      if found.stress < best?.stress ?? .infinity { best = found }
    }
    stress = best!.stress
    points = Self.aligned(best!.points, n)
  }

  private static func descend(
    _ start: [Double], _ target: [Double], _ n: Int, _ steps: Int, _ tolerance: Double
  ) -> (points: [Double], stress: Double) {
    var points = start
    var last = Double.infinity
    for _ in 0..<steps {
      var next = [Double](repeating: 0, count: 2 * n)
      var stress = 0.0
      for i in 0..<n {
        for j in 0..<i {
          let (dx, dy) = (points[2 * i] - points[2 * j], points[2 * i + 1] - points[2 * j + 1])
          let distance = (dx * dx + dy * dy).squareRoot()
          let wanted = target[i * n + j]
          stress += (distance - wanted) * (distance - wanted)
          let ratio = distance > 0 ? wanted / distance : 0
          next[2 * i] += ratio * dx
          next[2 * i + 1] += ratio * dy
          next[2 * j] -= ratio * dx
          next[2 * j + 1] -= ratio * dy
        }
      }
      // `stress` is that of `points`: they are as good as it says.
      if last - stress <= tolerance * stress { return (points, stress) }
      last = stress
      points = next.map { $0 / Double(n) }
    }
    return (points, stress(points, target, n))
  }

  private static func stress(_ points: [Double], _ target: [Double], _ n: Int) -> Double {
    var stress = 0.0
    for i in 0..<n {
      for j in 0..<i {
        let (dx, dy) = (points[2 * i] - points[2 * j], points[2 * i + 1] - points[2 * j + 1])
        let difference = (dx * dx + dy * dy).squareRoot() - target[i * n + j]
        stress += difference * difference
      }
    }
    return stress
  }

  /// Turned so that the plane's axes are the principal ones.
  private static func aligned(_ flat: [Double], _ n: Int) -> [(x: Double, y: Double)] {
    var points = (0..<n).map { (x: flat[2 * $0], y: flat[2 * $0 + 1]) }
    let (mx, my) = (points.reduce(0) { $0 + $1.x } / Double(n), points.reduce(0) { $0 + $1.y } / Double(n))
    points = points.map { ($0.x - mx, $0.y - my) }
    let (xx, yy, xy) = points.reduce((0.0, 0.0, 0.0)) { ($0.0 + $1.x * $1.x, $0.1 + $1.y * $1.y, $0.2 + $1.x * $1.y) }
    let angle = atan2(2 * xy, xx - yy) / 2
    let (c, s) = (cos(angle), sin(angle))
    return points.map { (c * $0.x + s * $0.y, c * $0.y - s * $0.x) }
  }
}

/// How far apart two models are as soups go: near where their soup gains, far where it loses, a little farther the more it loses.
///
/// `D = [g ≤ 0] + 0.1 · min(max(−g, 0), τ) / τ`, τ the 90th percentile of the losses over all ordered pairs; 0 on the diagonal.
/// - Source: Ghyselincks et al., *When is Model Souping Tasty?*, 2026, as its code has it.
public struct SoupDistance: Sendable {
  /// `n × n`, by row.
  public let values: [Double]
  public let tau: Double

  /// - Throws: `AnalysisError` where a pair has no gain, or none loses.
  public init(_ table: PairTable, gain: SoupGain = SoupGain(.loss)) throws(AnalysisError) {
    let n = table.models.count
    let gains = table.matrix { gain.value($0, in: table) }
    let off = (0..<n * n).filter { $0 / n != $0 % n }
    guard off.allSatisfy({ !gains[$0].isNaN }) else {
      throw AnalysisError(.tooFew, "distances need the soup of every pair; \(table.missing) of them are missing")
    }
    let losses = off.map { gains[$0] }.filter { $0 < 0 }.map { -$0 }.sorted()
    guard !losses.isEmpty else { throw AnalysisError(.tooFew, "every soup gains: there is nothing to tell apart") }
    let tau = PairedBootstrap.quantile(losses, 0.9)
    self.tau = tau
    values = (0..<n * n).map { index in
      let g = gains[index]
      return index / n == index % n ? 0 : (g <= 0 ? 1 : 0) + 0.1 * min(max(-g, 0), tau) / tau
    }
  }
}

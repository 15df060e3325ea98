#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How a measure of similarity becomes numbers to predict from: the terms of a natural cubic spline of its logarithm.
///
/// `u = log x` for distances, `log(1 − x)` for cosines, CKA and agreement; `z = (u − mean) / scale`. With knots ξ₁ < … < ξ_K the terms are `z` and
/// `d_k(z) − d_{K−1}(z)` for k = 1 … K − 2, where `d_k(z) = ((z − ξ_k)³₊ − (z − ξ_K)³₊) / (ξ_K − ξ_k)`; each is standardised. Beyond the outer
/// knots all are straight lines, so that what was never seen is not predicted from a cube. Without knots there is `z` alone.
/// - Source: Hastie, Tibshirani and Friedman, *The Elements of Statistical Learning*, 2009, (5.4) and (5.5).
public struct SimilarityFeature: Sendable, Codable, Equatable {
  public let measure: String
  /// `log(1 − x)` in place of `log x`.
  public let isComplement: Bool
  /// What the logarithm is taken of is at least this: half of the smallest that was fitted on.
  public let floor: Double
  public let mean: Double
  public let scale: Double
  /// The values that were fitted on.
  public let lowest: Double
  public let highest: Double
  /// Of the standardised logarithm; none for a straight line.
  public let knots: [Double]
  /// Mean and scale of every term.
  let means: [Double]
  let scales: [Double]

  /// How many terms it has.
  public var width: Int { means.count }

  /// Nil where the values do not vary.
  /// - Parameter knots: 3 or more, at quantiles of the values from 5 to 95 %; 0 for a straight line. Values with fewer different
  ///   quantiles have a straight line.
  public init?(_ measure: String, _ values: [Double], knots count: Int = 0) {
    let isComplement = PairSimilarities.growsWithLikeness(measure)
    let raw = values.map { isComplement ? 1 - $0 : $0 }
    guard let smallest = raw.filter({ $0 > 0 }).min() else { return nil }
    let floor = smallest / 2
    let logs = raw.map { log(max(floor, $0)) }
    let (mean, scale) = Self.moments(logs)
    guard scale > 0 else { return nil }
    let standard = logs.map { ($0 - mean) / scale }
    let sorted = standard.sorted()
    var knots = (0..<count).map { PairedBootstrap.quantile(sorted, 0.05 + 0.9 * Double($0) / Double(count - 1)) }
    // Knots that nearly coincide make terms of rounding errors.
    if count < 3 || zip(knots, knots.dropFirst()).contains(where: { $1 - $0 < 1e-3 }) { knots = [] }
    self.measure = measure
    self.isComplement = isComplement
    (self.floor, self.mean, self.scale, self.knots) = (floor, mean, scale, knots)
    (lowest, highest) = (values.min()!, values.max()!)
    let terms = standard.map { Self.terms($0, knots) }
    let moments = terms[0].indices.map { term in Self.moments(terms.map { $0[term] }) }
    means = moments.map(\.mean)
    scales = moments.map { $0.scale > 0 ? $0.scale : 1 }
  }

  /// The terms of a value.
  public func callAsFunction(_ value: Double) -> [Double] {
    let z = (log(max(floor, isComplement ? 1 - value : value)) - mean) / scale
    return zip(Self.terms(z, knots), zip(means, scales)).map { ($0 - $1.0) / $1.1 }
  }

  /// Whether a value lies beyond all that were fitted on.
  public func isOutside(_ value: Double) -> Bool { value < lowest || value > highest }

  private static func terms(_ z: Double, _ knots: [Double]) -> [Double] {
    guard let last = knots.last else { return [z] }
    func cube(_ x: Double) -> Double { x > 0 ? x * x * x : 0 }
    func d(_ knot: Double) -> Double { (cube(z - knot) - cube(z - last)) / (last - knot) }
    let end = d(knots[knots.count - 2])
    return [z] + knots.dropLast(2).map { d($0) - end }
  }

  private static func moments(_ values: [Double]) -> (mean: Double, scale: Double) {
    let n = Double(values.count)
    let mean = values.reduce(0, +) / n
    return (mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n).squareRoot())
  }

  private enum CodingKeys: String, CodingKey {
    case measure, floor, mean, scale, lowest, highest, knots, means, scales
    case isComplement = "is_complement"
  }

  /// Version 1 of a predictor's file had straight lines alone.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    measure = try container.decode(String.self, forKey: .measure)
    isComplement = try container.decode(Bool.self, forKey: .isComplement)
    floor = try container.decode(Double.self, forKey: .floor)
    mean = try container.decode(Double.self, forKey: .mean)
    scale = try container.decode(Double.self, forKey: .scale)
    lowest = try container.decode(Double.self, forKey: .lowest)
    highest = try container.decode(Double.self, forKey: .highest)
    knots = try container.decodeIfPresent([Double].self, forKey: .knots) ?? []
    means = try container.decodeIfPresent([Double].self, forKey: .means) ?? [0]
    scales = try container.decodeIfPresent([Double].self, forKey: .scales) ?? [1]
    guard knots.isEmpty || knots.count > 2, zip(knots, knots.dropFirst()).allSatisfy({ $0 < $1 }),
      means.count == max(1, knots.count - 1), scales.count == means.count, !scales.contains(0), scale != 0
    else {
      throw DecodingError.dataCorruptedError(
        forKey: .means, in: container, debugDescription: "\(knots.count) knots do not have \(means.count) terms")
    }
  }
}

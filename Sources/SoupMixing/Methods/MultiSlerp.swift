#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Spherical mean of any number of models or task vectors, in one step from their weighted mean direction.
///
/// With unit vectors `uᵢ = vᵢ / (‖vᵢ‖ + ε)` and `m = Σ wᵢ uᵢ / ‖Σ wᵢ uᵢ‖`, tangents `s = Σ wᵢ (uᵢ − (uᵢ·m) m)` and
/// `r = ‖s‖ + ε`: `v = (cos r · m + (sin r / r) s) · Σ wᵢ ‖vᵢ‖`.
///
/// Where the directions cancel (`‖Σ wᵢ uᵢ‖ < ε`) it is the straight line `Σ wᵢ vᵢ`; so a parameter that no task vector
/// changes stays the base's.
/// - Source: mergekit 0.1.5; there, cancelling directions stop the merge if there are three or more.
public struct MultiSlerp: CombinationMethod {
  public let members: [Int]
  public let base: Int?
  public let weights: [Double]
  public let epsilon: Double

  /// - Parameter normalize: divide the weights by their sum.
  /// - Throws: `MixError.Code.invalidRecipe` if weights are to be normalised but sum to 0.
  public init(
    members: [Int], weights: [Double], base: Int? = nil, normalize: Bool = true, epsilon: Double = 1e-8
  ) throws(MixError) {
    let checked = try WeightedSoup(weights: weights, normalize: normalize)
    self.members = members
    self.base = base
    self.weights = checked.weights.map { $0 / checked.divisor }
    self.epsilon = epsilon
  }

  public func coefficients(_ products: Products) -> [Double] {
    let count = members.count
    guard count > 1 else { return [1] }
    let inverse = (0..<count).map { 1 / (products.norm($0) + epsilon) }
    var mean = (0..<count).map { weights[$0] * inverse[$0] }
    let length = products.norm(mean)
    guard length >= epsilon else { return weights }
    mean = mean.map { $0 / length }
    var along = 0.0
    for index in 0..<count {
      var unit = Array(repeating: 0.0, count: count)
      unit[index] = inverse[index]
      along += weights[index] * products.product(unit, mean)
    }
    let tangent = (0..<count).map { weights[$0] * inverse[$0] - along * mean[$0] }
    let radius = products.norm(tangent) + epsilon
    let scale = (0..<count).reduce(0) { $0 + weights[$1] * products.norm($1) }
    let (stays, moves) = (scale * cos(radius), scale * sin(radius) / radius)
    return zip(mean, tangent).map { stays * $0 + moves * $1 }
  }
}

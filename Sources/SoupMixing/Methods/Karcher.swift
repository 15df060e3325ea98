#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Karcher mean: the point on the sphere with the least sum of squared angles to the models' directions, times their
/// mean length.
///
/// From the normalised mean direction u, repeat `u ← exp_u(Σ aᵢ log_u(ûᵢ))`, with equal `aᵢ`, until a step is shorter
/// than `tolerance`. Models shorter than `tolerance` have no direction; they count for the length. Exactly opposite
/// directions have no unique geodesic and are left out of a step.
/// - Source: Karcher, *Riemannian center of mass*, 1977; conventions as in mergekit 0.1.5.
public struct Karcher: CombinationMethod {
  public let members: [Int]
  public let maximumIterations: Int
  public let tolerance: Double
  public var base: Int? { nil }

  public init(members: [Int], maximumIterations: Int = 10, tolerance: Double = 1e-5) {
    self.members = members
    self.maximumIterations = maximumIterations
    self.tolerance = tolerance
  }

  public func coefficients(_ products: Products) -> [Double] {
    let count = members.count
    let norms = (0..<count).map(products.norm)
    let kept = norms.indices.filter { norms[$0] > tolerance }
    guard let first = kept.first else { return Array(repeating: 0, count: count) }
    let share = 1 / Double(kept.count)

    /// The unit vector of one model, as coefficients.
    func unit(_ index: Int) -> [Double] {
      var result = Array(repeating: 0.0, count: count)
      result[index] = 1 / norms[index]
      return result
    }

    var point = Array(repeating: 0.0, count: count)
    for index in kept { point[index] = share / norms[index] }
    let length = products.norm(point)
    point = length < tolerance ? unit(first) : point.map { $0 / length }

    for _ in 0..<maximumIterations {
      var step = Array(repeating: 0.0, count: count)
      for index in kept {
        let direction = unit(index)
        let cosine = min(1, max(-1, products.product(point, direction)))
        let angle = acos(cosine)
        guard angle >= tolerance, sin(angle) > 1e-12 else { continue }
        let scale = share * angle / sin(angle)
        for k in 0..<count { step[k] += scale * (direction[k] - cosine * point[k]) }
      }
      let distance = products.norm(step)
      guard distance >= tolerance else { break }
      let (stays, moves) = (cos(distance), sin(distance) / distance)
      for k in 0..<count { point[k] = stays * point[k] + moves * step[k] }
      let length = products.norm(point)
      guard length > 0 else { break }
      point = point.map { $0 / length }
    }
    let radius = norms.reduce(0, +) / Double(count)
    return point.map { $0 * radius }
  }
}

/// The plane through three models in weight space, with orthonormal axes.
///
/// With `u₁ = θ₁ − θ₀` and `u₂ = θ₂ − θ₀`: `x̂ = u₁ / |u₁|`, `ŷ = (u₂ − ⟨u₂, x̂⟩ x̂) / |·|`, and `θ(x, y) = θ₀ + x x̂ + y ŷ`. One step on
/// either axis is one unit of Euclidean distance between weights.
/// - Source: Garipov et al., 2018, arXiv:1802.10026; Wortsman et al., 2022, arXiv:2203.05482, figure 2.
public struct WeightPlane: Codable, Sendable, Hashable {
  /// A place in the plane.
  public struct Point: Codable, Sendable, Hashable {
    public var x: Double
    public var y: Double

    public init(_ x: Double, _ y: Double) { (self.x, self.y) = (x, y) }
  }

  /// `|u₁|`, `⟨u₂, x̂⟩` and the length of what is left of `u₂`.
  public let length: Double
  public let along: Double
  public let height: Double

  /// - Parameters: inner products of `u₁` and `u₂`.
  /// - Throws: `AnalysisError.Code.degenerate` if two models are the same or all three lie on one line.
  public init(u1u1: Double, u1u2: Double, u2u2: Double) throws(AnalysisError) {
    length = u1u1.squareRoot()
    along = u1u2 / length
    let rest = u2u2 - along * along
    guard u1u1 > 0, u2u2 > 0, rest > 1e-12 * u2u2 else {
      throw AnalysisError(.degenerate, "the three models lie on one line, or two of them are equal: they span no plane")
    }
    height = rest.squareRoot()
  }

  /// Where `θ₀`, `θ₁` and `θ₂` are.
  public var models: [Point] { [Point(0, 0), Point(length, 0), Point(along, height)] }

  /// The angle at `θ₀` between `u₁` and `u₂`, in degrees.
  public var angle: Double { WeightAngle(cosine: along / (along * along + height * height).squareRoot()).degrees }

  /// The weights of `θ₀`, `θ₁` and `θ₂` whose mixture is a point; they sum to 1, and are negative outside the triangle.
  public func coefficients(at point: Point) -> [Double] {
    let second = point.y / height
    let first = (point.x - second * along) / length
    return [1 - first - second, first, second]
  }

  /// A grid over the three models.
  /// - Parameters:
  ///   - columns, rows: points along x and y, at least 2.
  ///   - margin: added on each side, as a fraction of the models' extent.
  /// - Returns: row by row, from the lowest y.
  public func grid(columns: Int, rows: Int, margin: Double) -> [Point] {
    precondition(columns > 1 && rows > 1, "a grid has at least two points each way")
    func ticks(_ values: [Double], _ count: Int) -> [Double] {
      let (low, high) = (values.min() ?? 0, values.max() ?? 0)
      let border = margin * (high - low)
      return (0..<count).map { low - border + (high - low + 2 * border) * Double($0) / Double(count - 1) }
    }
    let xs = ticks(models.map(\.x), columns)
    return ticks(models.map(\.y), rows).flatMap { y in xs.map { Point($0, y) } }
  }
}

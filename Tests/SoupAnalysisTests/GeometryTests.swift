import SoupAnalysis
import SoupTensors
import Testing

@Suite struct GeometryTests {
  /// Coordinates turned back into weights are the three models, whatever their position.
  @Test(arguments: 0..<20) func thePlaneReproducesItsModels(seed: UInt64) throws {
    var random = CounterGenerator(seed: seed)
    let models = (0..<3).map { _ in (0..<7).map { _ in random.normal() } }
    func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    let (u1, u2) = (zip(models[1], models[0]).map(-), zip(models[2], models[0]).map(-))
    let plane = try WeightPlane(u1u1: dot(u1, u1), u1u2: dot(u1, u2), u2u2: dot(u2, u2))
    func mixture(_ point: WeightPlane.Point) -> [Double] {
      let c = plane.coefficients(at: point)
      return (0..<7).map { c[0] * models[0][$0] + c[1] * models[1][$0] + c[2] * models[2][$0] }
    }
    for (model, point) in zip(models, plane.models) {
      for (a, b) in zip(mixture(point), model) { #expect(abs(a - b) < 1e-12) }
    }
    // Axes are orthonormal: distances in the plane are those between the weights.
    let (p, q) = (WeightPlane.Point(0.3, -1.2), WeightPlane.Point(-2, 0.9))
    let apart = zip(mixture(p), mixture(q)).map(-)
    let expected = (2.3 * 2.3 + 2.1 * 2.1).squareRoot()
    #expect(abs(dot(apart, apart).squareRoot() - expected) < 1e-12)
    #expect(abs(plane.angle - WeightAngle(uu: dot(u1, u1), uv: dot(u1, u2), vv: dot(u2, u2)).degrees) < 1e-9)
  }

  @Test func threeModelsOnALineSpanNoPlane() {
    #expect(throws: AnalysisError.self) { try WeightPlane(u1u1: 1, u1u2: 2, u2u2: 4) }
    #expect(throws: AnalysisError.self) { try WeightPlane(u1u1: 0, u1u2: 0, u2u2: 4) }
    #expect(throws: AnalysisError.self) { try WeightPlane(u1u1: 1, u1u2: 0, u2u2: 0) }
  }

  @Test func gridsCoverTheModelsAndTheMargin() throws {
    let plane = try WeightPlane(u1u1: 16, u1u2: -4, u2u2: 10)
    let grid = plane.grid(columns: 5, rows: 3, margin: 0.5)
    #expect(grid.count == 15)
    #expect(plane.models == [.init(0, 0), .init(4, 0), .init(-1, 3)])
    #expect(grid.first == .init(-3.5, -1.5) && grid.last == .init(6.5, 4.5))
  }

  @Test(arguments: [1, 2, 7]) func simplexPoints(steps: Int) {
    let points = SimplexGrid.points(steps: steps)
    #expect(points.count == (steps + 1) * (steps + 2) / 2 && Set(points).count == points.count)
    #expect(points.allSatisfy { $0.allSatisfy { $0 >= 0 } && abs($0.reduce(0, +) - 1) < 1e-15 })
    for corner in [[1.0, 0, 0], [0, 1, 0], [0, 0, 1]] { #expect(points.contains(corner)) }
  }

  @Test func angles() {
    #expect(abs(WeightAngle(uu: 4, uv: 0, vv: 9).degrees - 90) < 1e-12)
    #expect(WeightAngle(uu: 2, uv: 2, vv: 2).degrees == 0)
    #expect(WeightAngle(uu: 1, uv: -1.0000001, vv: 1).degrees == 180)
    #expect(WeightAngle(uu: 0, uv: 0, vv: 1).cosine.isNaN)
  }
}

@Suite struct LossBarrierTests {
  @Test func aHillOnASlope() throws {
    let barrier = try LossBarrier([(0, 1), (0.5, 2.5), (0.25, 1.5), (1, 2), (1.5, 100), (-1, 50)])
    #expect(barrier.height == 1 && barrier.alpha == 0.5)
  }

  @Test func aValleyHasNoBarrier() throws {
    #expect(try LossBarrier([(0, 1), (0.5, 0.4), (1, 1)]).height == 0)
  }

  @Test func aBrokenModelIsNotHidden() throws {
    #expect(try LossBarrier([(0, 1), (0.5, .nan), (1, 1)]).height.isNaN)
    #expect(throws: AnalysisError.self) { try LossBarrier([(0, 1), (0.5, 1)]) }
  }
}

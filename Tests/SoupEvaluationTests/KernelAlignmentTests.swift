import Foundation
import SoupEvaluation
import SoupTensors
import Testing

@Suite struct KernelAlignmentTests {
  private static func random(_ n: Int, _ d: Int, seed: UInt64) -> [Double] {
    var generator = CounterGenerator(seed: seed)
    return (0..<n * d).map { _ in generator.uniform() - 0.3 }
  }

  private static func tensor(_ values: [Double], _ n: Int) throws -> HostTensor {
    try HostTensor(floats: values.map(Float.init), shape: [n, values.count / n])
  }

  /// By the definition, in double.
  private static func alignment(_ x: [Double], _ y: [Double], _ n: Int) -> Double {
    func centred(_ x: [Double]) -> [Double] {
      let d = x.count / n
      let means = (0..<d).map { k in (0..<n).reduce(0) { $0 + x[$1 * d + k] } / Double(n) }
      return x.indices.map { x[$0] - means[$0 % d] }
    }
    func squares(_ x: [Double], _ y: [Double]) -> Double {
      let (d, e) = (x.count / n, y.count / n)
      var sum = 0.0
      for i in 0..<d {
        for j in 0..<e {
          let product = (0..<n).reduce(0) { $0 + x[$1 * d + i] * y[$1 * e + j] }
          sum += product * product
        }
      }
      return sum
    }
    let (a, b) = (centred(x), centred(y))
    return squares(a, b) / (squares(a, a) * squares(b, b)).squareRoot()
  }

  /// More images than features, so that features are multiplied; and fewer, so that images are, in several tiles.
  @Test(arguments: [(60, 4), (300, 700), (20, 37)]) func agreesWithTheDefinition(n: Int, d: Int) throws {
    let x = Self.random(n, d, seed: 1)
    let y = zip(Self.random(n, d, seed: 2), x).map { $0 + $1 }
    let z = Self.random(n, 3, seed: 3)
    let found = try KernelAlignment([Self.tensor(x, n), Self.tensor(y, n), Self.tensor(z, n)], threads: 2)
    #expect(abs(try #require(found[0, 1]) - Self.alignment(x, y, n)) < 2e-5)
    #expect(abs(try #require(found[0, 2]) - Self.alignment(x, z, n)) < 2e-5)
    #expect(found[0, 1] == found[1, 0] && found[2, 2] == 1)
  }

  /// 1 for a representation that is rotated, scaled and moved, on both ways to compute it.
  @Test(arguments: [(80, 6), (40, 60)]) func isOneUnderRotationAndScaling(n: Int, d: Int) throws {
    let x = Self.random(n, d, seed: 4)
    // Rotations of neighbouring coordinates, one after the other.
    var y = x
    for k in 0..<d - 1 {
      let (c, s) = (cos(Double(k) + 0.7), sin(Double(k) + 0.7))
      for row in 0..<n {
        let (a, b) = (y[row * d + k], y[row * d + k + 1])
        (y[row * d + k], y[row * d + k + 1]) = (c * a - s * b, s * a + c * b)
      }
    }
    y = y.map { 1000 * $0 + 3 }
    let found = try KernelAlignment([Self.tensor(x, n), Self.tensor(y, n)])
    #expect(abs(try #require(found[0, 1]) - 1) < 1e-5)
  }

  @Test func whatDoesNotVaryHasNone() throws {
    let constant = try HostTensor(floats: [Float](repeating: 2, count: 20), shape: [10, 2])
    var broken = Self.random(10, 2, seed: 1)
    broken[3] = .nan
    let found = try KernelAlignment([constant, Self.tensor(broken, 10), Self.tensor(Self.random(10, 2, seed: 1), 10)])
    #expect(found[0, 2] == nil && found[1, 2] == nil && found[2, 2] == 1)
    #expect(throws: EvaluationError.self) { try KernelAlignment([constant, Self.tensor(broken, 5)]) }
  }
}

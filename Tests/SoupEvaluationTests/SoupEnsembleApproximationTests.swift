import Foundation
import SoupEvaluation
import SoupTensors
import Testing

@Suite struct SoupEnsembleApproximationTests {
  private let labels = (0..<60).map { $0 % 4 }
  private let count = 60
  private let features = 6
  private let classes = 4

  private func normals(_ count: Int, _ seed: UInt64) -> [Double] {
    var random = CounterGenerator(seed: seed)
    return (0..<count).map { _ in random.normal() }
  }

  /// `f(x; θ) = θ Φ(x)`, linear in θ.
  private func logits(_ theta: [Double], _ phi: [Double]) throws -> HostTensor {
    try HostTensor(
      doubles: (0..<count).flatMap { row in
        (0..<classes).map { c in (0..<features).reduce(0) { $0 + theta[c * features + $1] * phi[row * features + $1] } }
      }, shape: [count, classes])
  }

  private func mixture(_ a: [Double], _ b: [Double], _ alpha: Double) -> [Double] {
    zip(a, b).map { (1 - alpha) * $0 + alpha * $1 }
  }

  /// Soup and ensemble of a linear model are one function, and the two terms cancel.
  @Test(arguments: [0.1, 0.5, 0.8], [0.5, 1, 2.0])
  func forALinearModelTheTermsCancel(alpha: Double, beta: Double) throws {
    let phi = normals(count * features, 1)
    let (a, b) = (normals(classes * features, 2), normals(classes * features, 3))
    let step = 2e-4
    let found = try SoupEnsembleApproximation(
      alpha: alpha, step: step, beta: beta, ends: (logits(a, phi), logits(b, phi)),
      soups: (
        logits(mixture(a, b, alpha - step), phi), logits(mixture(a, b, alpha), phi),
        logits(mixture(a, b, alpha + step), phi)
      ), labels: labels)
    #expect(abs(found.difference) < 1e-12)
    #expect(found.varianceTerm > 0.01)
    #expect(abs(found.estimate) < 1e-6)
  }

  /// `f(x; θ) = θ Φ(x)`, plus 0.3 θ·θ for the label's class: the ends, which are longer than their mean, know better than the
  /// soup. The estimate is close to the true difference, and that is not nothing.
  @Test func forANearlyLinearModelTheEstimateIsClose() throws {
    let phi = normals(count * features, 4)
    let a = normals(classes * features, 5)
    let b = zip(a, normals(classes * features, 6)).map { $0 + 0.3 * $1 }
    func bent(_ theta: [Double]) throws -> HostTensor {
      var values = try logits(theta, phi).doubles()
      let square = theta.reduce(0) { $0 + $1 * $1 }
      for row in 0..<count { values[row * classes + labels[row]] += 0.3 * (square - 24) }
      return try HostTensor(doubles: values, shape: [count, classes])
    }
    let step = 1e-3
    for alpha in [0.25, 0.5, 0.75] {
      let found = try SoupEnsembleApproximation(
        alpha: alpha, step: step, beta: 1, ends: (bent(a), bent(b)),
        soups: (
          bent(mixture(a, b, alpha - step)), bent(mixture(a, b, alpha)), bent(mixture(a, b, alpha + step))
        ), labels: labels)
      #expect(found.difference > 0.003)
      #expect(found.estimate.sign == found.difference.sign)
      #expect(abs(found.estimate - found.difference) < 0.2 * abs(found.difference))
    }
  }
}

@Suite struct TemperatureScalingTests {
  private let labels = (0..<200).map { $0 % 3 }

  private func noisy(_ scale: Double) throws -> HostTensor {
    var random = CounterGenerator(seed: 8)
    return try HostTensor(
      doubles: labels.flatMap { label in (0..<3).map { scale * (random.normal() + ($0 == label ? 1 : 0)) } },
      shape: [200, 3])
  }

  /// Logits c times as large need a β c times as small, and no β nearby does better.
  @Test func betaUndoesAScale() throws {
    let beta = try TemperatureScaling.inverseTemperature(noisy(1), labels: labels)
    for scale in [0.2, 7.0] {
      let other = try TemperatureScaling.inverseTemperature(noisy(scale), labels: labels)
      #expect(abs(other * scale - beta) < 1e-9 * beta)
    }
    func loss(_ beta: Double) throws -> Double {
      let scaled = try HostTensor(doubles: noisy(1).doubles().map { beta * $0 }, shape: [200, 3])
      return try Score(logits: scaled, labels: labels).loss
    }
    let least = try loss(beta)
    for factor in [0.9, 0.99, 1.01, 1.1] { #expect(try loss(beta * factor) > least) }
  }

  @Test func certaintyHasNoBestTemperature() throws {
    let sure = try HostTensor(doubles: [2, 0, 0, 2], shape: [2, 2])
    #expect(abs(try TemperatureScaling.inverseTemperature(sure, labels: [0, 1]) - 1000) < 1e-9)
    let wrong = try HostTensor(doubles: [2, 0, 0, 2], shape: [2, 2])
    #expect(abs(try TemperatureScaling.inverseTemperature(wrong, labels: [1, 0]) - 0.001) < 1e-12)
  }
}

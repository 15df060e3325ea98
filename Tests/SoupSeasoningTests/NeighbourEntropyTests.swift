import Foundation
import SoupSeasoning
import SoupTensors
import SoupTorch
import Testing

@Suite struct NeighbourEntropyTests {
  private static let rows: [Float] = [1, 0, 0.8, 0.6, 0, 1, -1, 0, 0.6, -0.8]

  private func entropy(_ k: Int, _ temperature: Double, _ features: Tensor) throws -> Double {
    try NeighbourEntropy(neighbours: k, temperature: temperature)(features).item()
  }

  /// Values worked out from the formula in double precision.
  @Test(arguments: [(2, 0.07, 0.0854976114), (3, 0.07, 0.0859377409), (2, 1, 0.6653253280)])
  func referenceValues(_ reference: (k: Int, temperature: Double, value: Double)) throws {
    let found = try entropy(reference.k, reference.temperature, Tensor(Self.rows, shape: [5, 2]))
    #expect(abs(found - reference.value) < 1e-6)
  }

  struct Fixture: Decodable {
    struct Case: Decodable {
      let k: Int
      let temperature, value: Double
      let gradient: [[Double]]
    }

    struct Entropy: Decodable {
      let features: [[Float]]
      let cases: [Case]
    }

    let entropy: Entropy
  }

  /// Value and gradient as autograd gives them in PyTorch, of features that are not of length 1.
  @Test func agreesWithPyTorch() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "../Fixtures/evaluation/features.json")
    let fixture = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: file)).entropy
    for expected in fixture.cases {
      let features = try Tensor(fixture.features.flatMap { $0 }, shape: [12, 6]).requireGradient()
      let value = try NeighbourEntropy(neighbours: expected.k, temperature: expected.temperature)(features)
      try value.backward()
      #expect(abs(try value.item() - expected.value) < 1e-6)
      let gradient = try #require(features.gradient).host().floats()
      for (found, expected) in zip(gradient, expected.gradient.flatMap { $0 }) {
        #expect(abs(Double(found) - expected) < 1e-5)
      }
    }
  }

  /// Between 0 and `ln k`; images that are all alike have the bound, and no gradient that is not a number.
  @Test func liesBetweenZeroAndItsBound() throws {
    var random = CounterGenerator(seed: 1)
    for k in [2, 5, 16] {
      let objective = NeighbourEntropy(neighbours: k)
      let features = try Tensor((0..<40 * 8).map { _ in Float(random.normal()) }, shape: [40, 8])
      let value = try objective(features).item()
      #expect(value > 0 && value < objective.bound)
      #expect(objective.bound == log(Double(k)))
      for constant in [1.0, 0] {
        let same = try Tensor.full(constant, shape: [40, 8]).requireGradient()
        let bound = try objective(same)
        try bound.backward()
        #expect(abs(try bound.item() - objective.bound) < 1e-5)
        #expect(try #require(same.gradient).host().floats().allSatisfy(\.isFinite))
      }
    }
  }

  @Test func refusesTooFewImages() throws {
    let features = try Tensor(Self.rows, shape: [5, 2])
    let error = #expect(throws: SeasoningError.self) { _ = try NeighbourEntropy()(features) }
    #expect(error?.code == .badConfiguration)
    #expect(error?.description.contains("at least 17 images, found 5") ?? false)
    for objective in [NeighbourEntropy(neighbours: 1), NeighbourEntropy(neighbours: 2, temperature: 0)] {
      #expect(throws: SeasoningError.self) { _ = try objective(features) }
    }
    #expect(try NeighbourEntropy(neighbours: 4)(features).item() > 0)
  }
}

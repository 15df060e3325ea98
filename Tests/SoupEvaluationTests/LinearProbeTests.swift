import SoupEvaluation
import SoupTensors
import SoupTorch
import Testing

@Suite struct LinearProbeTests {
  private let fixture: FeatureFixture.Probe

  init() throws { fixture = try FeatureFixture.load().probe }

  private func fit(_ probe: LinearProbe, labels: [Int]? = nil, train: [[Float]]? = nil) throws -> LinearProbeResult {
    try probe.fit(
      .init(features: tensor(train ?? fixture.train), labels: labels ?? fixture.labels),
      heldOut: .init(features: tensor(fixture.held), labels: fixture.heldLabels), classes: 3)
  }

  /// Every rate by itself, in PyTorch: the same scores, and the same head on features as they are.
  @Test func agreesWithPyTorch() throws {
    let rates = fixture.results.map(\.rate)
    let result = try fit(LinearProbe(learningRates: rates, epochs: fixture.epochs, batchSize: 60))
    for (found, expected) in zip(result.candidates, fixture.results) {
      #expect(found.learningRate == expected.rate)
      #expect(found.heldOut.top1 == expected.top1)
      #expect(abs(found.heldOut.loss - expected.loss) < 1e-5)
    }
    #expect(result.best == 2)
    for (index, expected) in fixture.results.enumerated() {
      let alone = try fit(LinearProbe(learningRates: [rates[index]], epochs: fixture.epochs, batchSize: 60))
      #expect(abs(alone.candidates[0].heldOut.loss - expected.loss) < 1e-5)
      let weights = expected.weight.flatMap { $0 }
      for (found, value) in zip(alone.weight.floats(), weights) {
        #expect(abs(Double(found) - value) < 1e-5 * max(1, abs(value)))
      }
      for (found, value) in zip(alone.bias.floats(), expected.bias) {
        #expect(abs(Double(found) - value) < 1e-5 * max(1, abs(value)))
      }
      // The folded head on raw features is the head on standardised ones.
      let logits = try tensor(fixture.held).linear(Tensor(alone.weight), Tensor(alone.bias)).host().floats()
      let own = expected.logits.flatMap { $0 }
      for (found, value) in zip(logits, own) { #expect(abs(Double(found) - value) < 1e-4) }
    }
  }

  /// Rates trained side by side are those trained alone, with small batches too, and a seed gives the same numbers.
  @Test func ratesDoNotDisturbEachOther() throws {
    let all = LinearProbe(learningRates: [1e-3, 3e-2], epochs: 5, batchSize: 16, seed: 4)
    let together = try fit(all)
    #expect(all.steps(images: 60) == 15)
    for (index, rate) in all.learningRates.enumerated() {
      let alone = try fit(LinearProbe(learningRates: [rate], epochs: 5, batchSize: 16, seed: 4))
      #expect(abs(alone.candidates[0].heldOut.loss - together.candidates[index].heldOut.loss) < 1e-6)
    }
    #expect(try fit(all).weight.floats() == together.weight.floats())
  }

  @Test func refusesWhatTeachesNothing() throws {
    let probe = LinearProbe(epochs: 1)
    func message(_ body: () throws -> Void) -> String {
      (#expect(throws: EvaluationError.self) { try body() })?.description ?? ""
    }
    #expect(message { _ = try fit(probe, labels: fixture.labels.map { _ in 1 }) }.contains("of class 1"))
    #expect(message { _ = try fit(probe, train: fixture.train.map { _ in [1, 2, 3, 4, 5, 6] }) }.contains("collapsed"))
    #expect(
      message { _ = try fit(probe, train: fixture.train.map { _ in [.nan, 2, 3, 4, 5, 6] }) }.contains("not finite"))
    #expect(message { _ = try fit(LinearProbe(learningRates: [0])) }.contains("learning rates"))
    #expect(message { _ = try fit(probe, labels: [0, 1]) }.contains("2 training labels"))
  }
}

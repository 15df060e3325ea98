import Foundation
import SoupEvaluation
import SoupTensors
import Testing

@Suite struct EnsembleTests {
  private func random(_ count: Int, _ classes: Int, _ seed: UInt64) throws -> HostTensor {
    var random = CounterGenerator(seed: seed)
    return try HostTensor(
      floats: (0..<count * classes).map { _ in Float(2 * random.normal()) }, shape: [count, classes])
  }

  private func softmax(_ row: ArraySlice<Float>) -> [Double] {
    let weights = row.map { exp(Double($0)) }
    return weights.map { $0 / weights.reduce(0, +) }
  }

  @Test func probabilitiesAreAveraged() throws {
    let (a, b) = (try random(20, 4, 1), try random(20, 4, 2))
    let mean = try Ensemble.mean([a, b], by: .probabilities).floats()
    for row in stride(from: 0, to: 80, by: 4) {
      let (p, q) = (softmax(a.floats()[row..<row + 4]), softmax(b.floats()[row..<row + 4]))
      for (found, expected) in zip(softmax(mean[row..<row + 4]), zip(p, q).map { ($0 + $1) / 2 }) {
        #expect(abs(found - expected) < 1e-6)
      }
    }
  }

  /// Convexity: an ensemble's loss is at most the mean loss of its members, by either method.
  @Test(arguments: Ensemble.Method.allCases, 1..<6 as Range<UInt64>)
  func theLossIsAtMostTheMeanOfTheMembers(method: Ensemble.Method, seed: UInt64) throws {
    let labels = (0..<50).map { $0 % 5 }
    let members = try (0..<4).map { try random(50, 5, seed * 10 + $0) }
    let mean = try members.reduce(0) { try $0 + Score(logits: $1, labels: labels).loss } / 4
    #expect(try Score(logits: Ensemble.mean(members, by: method), labels: labels).loss <= mean)
  }

  @Test(arguments: Ensemble.Method.allCases) func anEnsembleOfEqualModelsIsTheModel(method: Ensemble.Method) throws {
    let a = try random(30, 3, 7)
    let (one, all) = (
      try Score(logits: a, labels: (0..<30).map { $0 % 3 }),
      try Score(logits: Ensemble.mean([a, a, a], by: method), labels: (0..<30).map { $0 % 3 })
    )
    #expect(all.top1 == one.top1 && abs(all.loss - one.loss) < 1e-6)
  }

  @Test func certaintyStaysFinite() throws {
    let sure = try HostTensor(floats: [1000, 0, 0, 1000], shape: [2, 2])
    let mean = try Ensemble.mean([sure, sure], by: .probabilities)
    #expect(try Score(logits: mean, labels: [0, 1]).nonFinite == 0)
  }

  @Test func membersOfOtherShapesAreRefused() throws {
    #expect(throws: EvaluationError.self) { try Ensemble.mean([], by: .logits) }
    #expect(throws: EvaluationError.self) { try Ensemble.mean([random(3, 2, 1), random(3, 3, 1)], by: .logits) }
    #expect(throws: EvaluationError.self) { try GreedyEnsemble().select([], labels: []) }
  }
}

@Suite struct GreedyEnsembleTests {
  /// Two classes, one logit difference an image, so that the mean's sign decides: counted by hand.
  private func member(_ margins: [Float]) throws -> HostTensor {
    try HostTensor(floats: margins.flatMap { [$0, 0] }, shape: [margins.count, 2])
  }

  @Test func triesTheBestFirstAndKeepsWhatHelps() throws {
    // All labels are 0: positive margins are right. The best member is the second (3 of 4).
    let members = try [[-5, 1, -1, -1], [1, 1, 1, -1], [1, -1, -3, 2]].map { try member($0) }
    let selection = try GreedyEnsemble().select(members, labels: [0, 0, 0, 0])
    // With the third: margins sum to (2, 0, -2, 1); a tie of logits goes to class 0, so 3 of 4: kept at equality.
    // Then the first: (-3, 1, -3, 0): 2 of 4, refused.
    #expect(selection.kept == [1, 2])
    #expect(selection.steps.map(\.candidate) == [2, 0])
    #expect(selection.steps.map(\.accepted) == [true, false])
    #expect(selection.score.top1 == 0.75)
    #expect(try GreedyEnsemble(keepsTies: false).select(members, labels: [0, 0, 0, 0]).kept == [1])
  }

  /// Never worse than the best member on the images that chose it, and the score is that of the kept members' ensemble.
  @Test(arguments: 0..<20 as Range<UInt64>, Ensemble.Method.allCases)
  func neverWorseThanTheBestMember(seed: UInt64, method: Ensemble.Method) throws {
    var random = CounterGenerator(seed: seed)
    let labels = (0..<40).map { _ in random.below(3) }
    let members = try (0..<5).map { _ in
      try HostTensor(
        floats: labels.flatMap { label in (0..<3).map { Float(random.normal() + ($0 == label ? 1 : 0)) } },
        shape: [40, 3])
    }
    let greedy = GreedyEnsemble(method: method)
    let selection = try greedy.select(members, labels: labels)
    let best = try members.map { try Score(logits: $0, labels: labels).top1 }.max() ?? 1
    #expect(selection.score.top1 >= best)
    #expect(Set(selection.kept).count == selection.kept.count && selection.steps.count == 4)
    let kept = try Ensemble.mean(selection.kept.map { members[$0] }, by: method)
    #expect(try Score(logits: kept, labels: labels) == selection.score)
  }
}

@Suite struct SampleOutcomesTests {
  @Test func imagesAddUpToTheScore() throws {
    var random = CounterGenerator(seed: 3)
    let logits = try HostTensor(floats: (0..<300).map { _ in Float(random.normal()) }, shape: [100, 3])
    let labels = (0..<100).map { $0 % 3 }
    let outcomes = try SampleOutcomes(logits: logits, labels: labels)
    #expect(try outcomes.score == Score(logits: logits, labels: labels))
    #expect(Double(outcomes.correct.count { $0 }) / 100 == outcomes.score.top1)
    #expect(abs(outcomes.losses.reduce(0) { $0 + Double($1) } / 100 - outcomes.score.loss) < 1e-6)
  }

  @Test func brokenImagesAreWrong() throws {
    let outcomes = try SampleOutcomes(
      logits: HostTensor(floats: [1, 0, .nan, 0], shape: [2, 2]), labels: [0, 0])
    #expect(outcomes.correct == [true, false])
    #expect(outcomes.losses[1].isNaN)
  }
}

import SoupEvaluation
import SoupMixing
import SoupSeasoning
import Testing

/// Scores a recipe by a function of its ingredients, and remembers what was asked.
private final class FakeScorer: Scorer {
  private let accuracy: ([String]) -> Double
  private(set) var asked: [[String]] = []

  init(_ accuracy: @escaping ([String]) -> Double) { self.accuracy = accuracy }

  func score(_ recipe: Recipe) throws -> Score {
    let paths = recipe.ingredients.map(\.path)
    asked.append(paths)
    return Score(
      top1: accuracy(paths), top5: 1, loss: 1 - accuracy(paths), ece: 0, eceEqualWidth: 0, perClass: [], count: 100)
  }
}

@Suite struct GreedySoupTests {
  @Test func triesTheBestFirstAndKeepsWhatHelps() throws {
    // c alone is best; b helps, a hurts, d helps again.
    let single = ["a": 0.80, "b": 0.85, "c": 0.90, "d": 0.70]
    let effect = ["a": -0.05, "b": 0.02, "c": 0.0, "d": 0.01]
    let scorer = FakeScorer { paths in
      paths.count == 1 ? single[paths[0], default: 0] : 0.90 + paths.reduce(0) { $0 + effect[$1, default: 0] }
    }
    let result = try GreedySoup().season(["a", "b", "c", "d"], with: scorer)
    #expect(result.ingredients.map(\.path) == ["c", "b", "a", "d"])
    #expect(result.steps.map(\.candidate) == ["b", "a", "d"])
    #expect(result.steps.map(\.accepted) == [true, false, true])
    #expect(result.kept == ["c", "b", "d"])
    #expect(abs(result.score.top1 - 0.93) < 1e-12)
    #expect(result.recipe == .uniform(["c", "b", "d"]))
    #expect(scorer.asked == [["a"], ["b"], ["c"], ["d"], ["c", "b"], ["c", "b", "a"], ["c", "b", "d"]])
  }

  /// All scores equal: the paper's rule keeps everything, the authors' code only the first; ties keep the given order.
  @Test(arguments: [(GreedySoup.Acceptance.notWorse, ["d", "b", "a", "c"]), (.better, ["d"])])
  func rulesDifferOnTies(acceptance: GreedySoup.Acceptance, kept: [String]) throws {
    let result = try GreedySoup(acceptance: acceptance).season(["d", "b", "a", "c"], with: FakeScorer { _ in 0.5 })
    #expect(result.kept == kept)
    #expect(result.ingredients.map(\.path) == ["d", "b", "a", "c"])
  }

  /// Whatever the scores, the result is at least the best single ingredient, no step lowers it, and no recipe is scored
  /// twice.
  @Test(arguments: 0..<100, GreedySoup.Acceptance.allCases)
  func neverWorseThanTheBestIngredient(seed: UInt64, acceptance: GreedySoup.Acceptance) throws {
    var random = SplitMix64(state: seed)
    var table: [[String]: Double] = [:]
    let scorer = FakeScorer { paths in
      let key = paths.sorted()
      // Few distinct values, so that ties are common.
      let value = table[key] ?? Double(Int.random(in: 0...8, using: &random)) / 8
      table[key] = value
      return value
    }
    let names = (0..<6).map { "m\($0)" }
    let result = try GreedySoup(acceptance: acceptance).season(names, with: scorer)
    let best = names.compactMap { table[[$0]] }.max()
    #expect(result.ingredients[0].score.top1 == best)
    #expect(scorer.asked.count == 11)
    #expect(Set(scorer.asked.map { $0.sorted() }).count == 11)
    var current = result.ingredients[0].score.top1
    for step in result.steps {
      #expect(step.accepted == (acceptance == .better ? step.score!.top1 > current : step.score!.top1 >= current))
      if step.accepted { current = step.score!.top1 }
    }
    #expect(result.score.top1 == current)
    #expect(result.kept == [result.ingredients[0].path] + result.steps.filter(\.accepted).map(\.candidate))
  }

  @Test func lossIsMinimised() throws {
    let scorer = FakeScorer { $0 == ["b"] ? 0.9 : $0.count > 1 ? 0.8 : 0.1 }
    #expect(try GreedySoup(metric: .loss).season(["a", "b"], with: scorer).kept == ["b"])
  }

  @Test func brokenIngredientsNeverWin() throws {
    let scorer = FakeScorer { $0 == ["b"] ? 0.3 : .nan }
    #expect(try GreedySoup().season(["a", "b", "c"], with: scorer).kept == ["b"])
    #expect(throws: SeasoningError.self) { try GreedySoup().season(["a", "b"], with: FakeScorer { _ in .nan }) }
  }

  @Test func oneIngredientIsTheSoup() throws {
    let result = try GreedySoup().season(["a"], with: FakeScorer { _ in 0.4 })
    #expect(result.kept == ["a"])
    #expect(result.steps.isEmpty)
  }

  @Test func refusesNoneAndRepeated() {
    let scorer = FakeScorer { _ in 0.5 }
    #expect(throws: SeasoningError.self) { try GreedySoup().season([], with: scorer) }
    #expect(throws: SeasoningError.self) { try GreedySoup().season(["a", "b", "a"], with: scorer) }
    #expect(scorer.asked.isEmpty)
  }

  @Test func reportsEveryEvaluation() throws {
    var completed: [Int] = []
    _ = try GreedySoup().season(["a", "b", "c", "d"], with: FakeScorer { _ in 0.5 }) {
      completed.append($0.completed)
      #expect($0.total == 7)
    }
    #expect(completed == Array(1...7))
  }
}

/// A small generator, so that a failing case can be repeated.
private struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

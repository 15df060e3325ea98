import Foundation
import SoupEvaluation
import SoupMixing
import SoupSeasoning
import SoupTensors
import Testing

/// Scores soups from a random table: for every set of ingredients, whether it is right on each image. Trials look at the
/// images one by one and end as soon as the race is lost.
private final class TableScorer: Scorer {
  let images: Int
  private let seed: UInt64
  private let spread: Double
  private(set) var seen = 0

  init(images: Int, seed: UInt64, spread: Double = 0.4) {
    self.images = images
    self.seed = seed
    self.spread = spread
  }

  func rows(_ recipe: Recipe) -> [(right: Bool, loss: Double)] {
    let name = recipe.ingredients.map(\.path).sorted().joined(separator: "+")
    var random = CounterGenerator(seed: seed).derived(name)
    let accuracy = 0.5 + spread * random.uniform()
    return (0..<images).map { _ in
      let right = random.chance(accuracy)
      return (right, right ? 0.3 * random.uniform() : 1 + random.uniform())
    }
  }

  private func score(_ rows: ArraySlice<(right: Bool, loss: Double)>) -> Score {
    let count = Double(rows.count)
    return Score(
      top1: Double(rows.count { $0.right }) / count, top5: 1, loss: rows.reduce(0) { $0 + $1.loss } / count, ece: 0,
      eceEqualWidth: 0, perClass: [], count: rows.count)
  }

  func score(_ recipe: Recipe) throws -> Score {
    seen += images
    return score(rows(recipe)[...])
  }

  func trial(_ recipe: Recipe, against bar: Bar) throws -> Trial {
    let (rows, others) = (rows(recipe), rows(bar.recipe))
    var race = Race(bar, count: images)
    for index in rows.indices {
      seen += 1
      race.add(
        score(rows[index...index]), better: rows[index].right && !others[index].right ? 1 : 0,
        worse: !rows[index].right && others[index].right ? 1 : 0)
      if race.isLost, index + 1 < images { return .rejected(images: index + 1) }
    }
    return .scored(score(rows[...]))
  }
}

@Suite struct EarlyRejectionTests {
  private let names = (0..<7).map { "m\($0)" }

  /// Whatever the table, leaving candidates that cannot win any more keeps the same ingredients with the same score.
  @Test(arguments: GreedySoup.Acceptance.allCases, [Metric.top1, .loss])
  func changesNoDecision(acceptance: GreedySoup.Acceptance, metric: Metric) throws {
    var saved = 0
    for seed in 0..<150 {
      // Few images, so that ties are common.
      let images = 5 + seed % 40
      let (full, early) = (
        TableScorer(images: images, seed: UInt64(seed)), TableScorer(images: images, seed: UInt64(seed))
      )
      let expected = try GreedySoup(acceptance: acceptance, metric: metric, stopping: .never).season(names, with: full)
      let found = try GreedySoup(acceptance: acceptance, metric: metric).season(names, with: early)
      #expect(found.kept == expected.kept)
      #expect(found.score == expected.score)
      #expect(found.steps.map(\.accepted) == expected.steps.map(\.accepted))
      for step in found.steps {
        let (isScored, isLeft) = (step.score != nil, step.images != nil)
        #expect(isScored != isLeft)
      }
      saved += full.seen - early.seen
    }
    #expect(saved > 0)
  }

  /// Of candidates that are exactly as good as the bar, and so pass, a race with risk δ rejects a share of δ at most.
  @Test func aRaceRejectsNoMoreThanItsRisk() throws {
    let (images, risk) = (400, 0.1)
    var random = CounterGenerator(seed: 9)
    let base = Recipe.uniform(["a"])
    let bar = Bar(base, score(right: 200, of: images), by: .top1, isStrict: false, stopping: .risky(risk))
    var rejected = 0
    for _ in 0..<2000 {
      // 40 images on which only the bar is right, 40 on which only the candidate is, in random order.
      let order = random.permutation(images)
      var race = Race(bar, count: images)
      for place in order {
        let worse = place < 40
        let better = (40..<80).contains(place)
        race.add(
          score(right: better || (80..<240).contains(place) ? 1 : 0, of: 1), better: better ? 1 : 0,
          worse: worse ? 1 : 0)
        if race.isLost {
          rejected += race.images < images ? 1 : 0
          break
        }
      }
    }
    let share = Double(rejected) / 2000
    #expect(share <= risk)
    // And it stops soon where a candidate is clearly worse.
    var race = Race(bar, count: images)
    for _ in 0..<60 where !race.isLost { race.add(score(right: 0, of: 1), worse: 1) }
    #expect(race.isLost && race.images < 40)
  }

  /// A metric without a bound, and a candidate that may still win, are run to the end.
  @Test func whatMayStillWinIsNotLeft() {
    let own = score(right: 9, of: 10)
    for metric in [Metric.top1, .ece] {
      var race = Race(Bar(.uniform(["a"]), own, by: metric, isStrict: false), count: 10)
      race.add(score(right: 0, of: 1))
      #expect(!race.isLost)
      race.add(score(right: 0, of: 1))
      #expect(race.isLost == (metric == .top1))
    }
    var strict = Race(Bar(.uniform(["a"]), own, by: .top1, isStrict: true), count: 10)
    strict.add(score(right: 0, of: 1))
    #expect(strict.isLost)
  }

  private func score(right: Int, of count: Int) -> Score {
    Score(
      top1: Double(right) / Double(count), top5: 1, loss: 0, ece: 0, eceEqualWidth: 0, perClass: [], count: count)
  }
}

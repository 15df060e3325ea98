import SoupEvaluation
import SoupMixing
import SoupSeasoning
import Testing

/// A score that is a function of the weights.
private struct WeightScorer: Scorer {
  let quality: ([Double]) -> Double

  func score(_ recipe: Recipe) throws -> Score {
    var weights = recipe.ingredients.map { $0.weight ?? 1 / Double(recipe.ingredients.count) }
    if case .interpolate(let alpha) = recipe.method { weights = [1 - alpha, alpha] }
    if recipe.ingredients.count == 1 { weights = recipe.ingredients[0].path == "a" ? [1, 0] : [0, 1] }
    let value = quality(weights)
    return Score(top1: value, top5: 1, loss: 1 - value, ece: 0, eceEqualWidth: 0, perClass: [], count: 100)
  }
}

@Suite struct SampledSoupTests {
  private let paths = ["a", "b", "c"]

  @Test func keepsTheBestSampleAndNeverLessThanTheUniformSoup() throws {
    let result = try SampledSoup(samples: 200).season(
      paths, with: WeightScorer { (w: [Double]) -> Double in w[1] - 0.5 * w[2] })
    #expect(result.samples.count == 200)
    let third = 1.0 / 3
    #expect(result.samples[0].weights == [third, third, third])
    let scores = result.samples.compactMap { $0.score?.top1 }
    #expect(scores.count == 200)
    #expect(result.best == scores.firstIndex(of: scores.max() ?? 0))
    #expect(result.samples[result.best].weights[1] > 0.8)
    let flat = try SampledSoup(samples: 20).season(paths, with: WeightScorer { _ in 0.5 })
    #expect(flat.best == 0 && flat.recipe == .uniform(paths))
  }

  /// Dirichlet(c, c, c): means 1/3, variance (1/3 · 2/3)/(3c + 1).
  @Test(arguments: [0.3, 1, 10]) func weightsAreDirichlet(concentration: Double) {
    let soup = SampledSoup(concentration: concentration, seed: 4)
    let draws = (1...8000).map { soup.weights($0, ingredients: 3) }
    for weights in draws {
      let sum: Double = weights.reduce(0, +)
      guard abs(sum - 1) < 1e-12, weights.allSatisfy({ $0 >= 0 }) else {
        Issue.record("\(weights)")
        break
      }
    }
    let firsts: [Double] = draws.map { $0[0] }
    let mean: Double = firsts.reduce(0, +) / 8000
    let squares: [Double] = firsts.map { ($0 - mean) * ($0 - mean) }
    let variance: Double = squares.reduce(0, +) / 8000
    let expected = 2.0 / 9 / (3 * concentration + 1)
    let (bias, error) = (abs(mean - 1.0 / 3), 4 * (expected / 8000).squareRoot())
    #expect(bias < error)
    #expect(abs(variance - expected) < 0.08 * expected)
  }

  @Test func aSeedGivesTheSameSamplesAndAnotherOthers() {
    let soup = SampledSoup(seed: 1)
    #expect(soup.weights(5, ingredients: 4) == soup.weights(5, ingredients: 4))
    #expect(soup.weights(5, ingredients: 4) != soup.weights(6, ingredients: 4))
    #expect(soup.weights(5, ingredients: 4) != SampledSoup(seed: 2).weights(5, ingredients: 4))
  }

  @Test func refusesWhatMakesNoSense() {
    let scorer = WeightScorer { _ in 0.5 }
    for soup in [SampledSoup(samples: 0), SampledSoup(concentration: 0), SampledSoup(concentration: .infinity)] {
      #expect(throws: SeasoningError.self) { try soup.season(paths, with: scorer) }
    }
    #expect(throws: SeasoningError.self) { try SampledSoup().season(paths, with: WeightScorer { _ in .nan }) }
  }
}

@Suite struct PairSoupTests {
  /// A peak at 0.37: the grid finds its neighbourhood, golden section the place.
  @Test func findsThePeak() throws {
    let scorer = WeightScorer { (weights: [Double]) -> Double in
      let distance = weights[1] - 0.37
      return 1 - distance * distance
    }
    let grid = try PairSoup(points: 11).season("a", "b", with: scorer)
    #expect(grid.alpha == 0.4)
    let alphas: [Double] = grid.points.map { $0.alpha }
    let tenths: [Double] = (0...10).map { Double($0) / 10 }
    #expect(alphas == tenths)
    let refined = try PairSoup(points: 11, refinements: 12).season("a", "b", with: scorer)
    #expect(abs(refined.alpha - 0.37) < 1e-3)
    #expect(refined.points.count == 23)
    #expect(refined.recipe == .interpolate("a", "b", alpha: refined.alpha))
  }

  /// The first of equals is kept, and an end of the segment can be the best.
  @Test func endsAndTies() throws {
    #expect(try PairSoup().season("a", "b", with: WeightScorer { $0[0] }).alpha == 0)
    #expect(try PairSoup().season("a", "b", with: WeightScorer { $0[1] }).alpha == 1)
    #expect(try PairSoup().season("a", "b", with: WeightScorer { _ in 0.5 }).alpha == 0)
    #expect(try PairSoup(metric: .loss).season("a", "b", with: WeightScorer { $0[1] }).alpha == 1)
    #expect(throws: SeasoningError.self) { try PairSoup(points: 1).season("a", "b", with: WeightScorer { _ in 0.5 }) }
    #expect(throws: SeasoningError.self) { try PairSoup().season("a", "a", with: WeightScorer { _ in 0.5 }) }
  }
}

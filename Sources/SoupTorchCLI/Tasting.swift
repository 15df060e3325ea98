import Foundation
import SoupCLI
import SoupEvaluation
import SoupMixing
import SoupSeasoning

/// Scores ingredients, soups of them and their ensemble on held-out and test images.
struct Tasting {
  let ingredients: Ingredients
  let heldOut: RecipeScorer
  let test: RecipeScorer
  let base: String?

  init(_ ingredients: Ingredients, heldOut: RecipeScorer, test: RecipeScorer, base: String?) throws {
    self.ingredients = ingredients
    self.heldOut = heldOut
    self.test = test
    self.base = base
  }

  /// - Parameter progress: called with the number of images that went through a model.
  func run(_ greedy: GreedySoup, progress: @escaping (Int) -> Void) throws -> TastingResult {
    var before = 0
    for scorer in [heldOut, test] {
      let start = before
      scorer.progress = { [unowned scorer] _, done in
        progress(start + scorer.evaluations * scorer.evaluator.data.count + done)
      }
      if scorer === heldOut {
        before = (2 * ingredients.paths.count + (base == nil ? 0 : 1)) * scorer.evaluator.data.count
      }
    }
    let k = ingredients.paths.count
    let all = Recipe.uniform(ingredients.paths)
    // Everything is decided on held-out images before a test image is looked at.
    let found = try greedy.season(ingredients.paths, with: heldOut)
    for recipe in [all] + (base.map { [.uniform([$0])] } ?? []) { _ = try heldOut.score(recipe) }

    var (keys, settings) = try ingredients.distinguishingSettings()
    // A seed says nothing to a reader, unless it is all there is.
    if keys.count > 1 { keys.removeAll { $0 == "seed" } }
    func row(_ name: String, _ recipe: Recipe, settings: [String: String] = [:]) throws -> TastingResult.Row {
      .init(
        name: name, settings: settings, heldOut: try heldOut.score(recipe), test: try test.score(recipe), passes: 1)
    }
    let rows = try ingredients.paths.indices.map {
      try row(ingredients.names[$0], .uniform([ingredients.paths[$0]]), settings: settings[$0])
    }
    let best = ingredients.paths.firstIndex(of: found.kept[0]) ?? 0
    let singles = ingredients.paths.map { Recipe.uniform([$0]) }
    return TastingResult(
      settings: keys.map(TastingResult.Setting.init), base: try base.map { try row("base", .uniform([$0])) },
      ingredients: rows, best: try row("best on held-out: \(ingredients.names[best])", singles[best]),
      uniform: try row("uniform soup of \(k)", all),
      greedySoup: try row("greedy soup of \(found.kept.count)", found.recipe),
      ensemble: .init(
        name: "ensemble of \(k)", settings: [:], heldOut: try heldOut.ensemble(singles),
        test: try test.ensemble(singles), passes: k), greedy: found,
      kept: found.kept.compactMap { path in ingredients.paths.firstIndex(of: path).map { ingredients.names[$0] } })
  }
}

/// What a tasting found.
struct TastingResult: Encodable {
  struct Row: Encodable {
    let name: String
    /// Settings of training, by their path.
    let settings: [String: String]
    let heldOut: Score
    let test: Score
    /// Forward passes for one prediction.
    let passes: Int
  }

  /// A setting in which the ingredients differ.
  struct Setting: Encodable {
    let key: String
    /// The last part of the path, as people say it.
    var label: String {
      let last = key.split(separator: ".").last.map(String.init) ?? key
      let short = [
        "learning_rate": "lr", "weight_decay": "wd", "label_smoothing": "smoothing", "augmentation": "augment",
      ]
      return short[last] ?? last.replacing("_", with: " ")
    }
  }

  let settings: [Setting]
  let base: Row?
  let ingredients: [Row]
  let best: Row
  let uniform: Row
  let greedySoup: Row
  let ensemble: Row
  let greedy: GreedyResult
  /// Names of what the greedy soup kept, in order.
  let kept: [String]

  /// The outcome in words, whichever way it went.
  var verdict: String {
    let count = best.test.count
    let error = (best.test.top1 * (1 - best.test.top1) / Double(count)).squareRoot()
    func gain(_ row: Row) -> String {
      let points = (row.test.top1 - best.test.top1) * 100
      let text = Format.fixed(abs(points), 2)
      if (row.test.top1 - best.test.top1).magnitude * Double(count) < 0.5 { return "equals the best ingredient" }
      return "is \(text) points \(points > 0 ? "above" : "below") the best ingredient"
    }
    return """
      Greedy soup: \(kept.joined(separator: " + ")).
      On \(Format.count(count)) test images the greedy soup \(gain(greedySoup)), the uniform soup \(gain(uniform)), \
      the ensemble, at \(ensemble.passes) times the cost, \(gain(ensemble)).
      One accuracy has a standard error of \(Format.percent(error)) points.
      """
  }
}

import Foundation
import SoupAnalysis
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
    let singles = ingredients.paths.map { Recipe.uniform([$0]) }
    let best = ingredients.paths.firstIndex(of: found.kept[0]) ?? 0
    let reference = try test.correct(singles[best])
    func row(
      _ name: String, _ heldOut: Score, _ test: SampleOutcomes, passes: Int = 1, settings: [String: String] = [:]
    )
      throws -> TastingResult.Row
    {
      .init(
        name: name, settings: settings, heldOut: heldOut, test: test.score, passes: passes,
        heldOutInterval: try Statistics.interval(of: heldOut), testInterval: try Statistics.interval(of: test.score),
        againstBest: try PairedComparison(of: test.correct, to: reference))
    }
    func row(_ name: String, _ recipe: Recipe, settings: [String: String] = [:]) throws -> TastingResult.Row {
      try row(name, heldOut.score(recipe), test.outcomes(recipe), settings: settings)
    }
    func ensemble(_ name: String, _ members: [Recipe], _ method: Ensemble.Method) throws -> TastingResult.Row {
      try row(
        "\(name) of \(members.count)", heldOut.ensemble(members, by: method).score,
        test.ensemble(members, by: method), passes: members.count)
    }
    let chosen = try heldOut.select(GreedyEnsemble(keepsTies: greedy.acceptance == .notWorse), from: singles)
    let rows = try ingredients.paths.indices.map {
      try row(ingredients.names[$0], singles[$0], settings: settings[$0])
    }
    return TastingResult(
      settings: keys.map(TastingResult.Setting.init), base: try base.map { try row("base", .uniform([$0])) },
      ingredients: rows, best: try row("best on held-out: \(ingredients.names[best])", singles[best]),
      uniform: try row("uniform soup of \(k)", all),
      greedySoup: try row("greedy soup of \(found.kept.count)", found.recipe),
      ensemble: try ensemble("ensemble", singles, .logits),
      probabilityEnsemble: try ensemble("ensemble by probabilities", singles, .probabilities),
      greedyEnsemble: try ensemble("greedy ensemble", chosen.kept.map { singles[$0] }, .logits), greedy: found,
      kept: found.kept.compactMap { path in ingredients.paths.firstIndex(of: path).map { ingredients.names[$0] } },
      ensembleKept: chosen.kept.map { ingredients.names[$0] })
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
    /// 95 % intervals of the accuracies.
    let heldOutInterval: Interval
    let testInterval: Interval
    /// Test accuracy against the best ingredient, on the same images.
    let againstBest: PairedComparison

    private enum CodingKeys: String, CodingKey {
      case name, settings, heldOut, test, passes
      case heldOutInterval = "held_out_interval"
      case testInterval = "test_interval"
      case againstBest = "against_best"
    }
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
  let probabilityEnsemble: Row
  let greedyEnsemble: Row
  let greedy: GreedyResult
  /// Names of what the greedy soup kept, in order.
  let kept: [String]
  /// Names of what the greedy ensemble kept, in order.
  let ensembleKept: [String]

  /// The outcome in words, whichever way it went.
  var verdict: String {
    func gain(_ row: Row) -> String {
      let comparison = row.againstBest
      if comparison.won == comparison.lost { return "equals the best ingredient" }
      let side = comparison.difference > 0 ? "above" : "below"
      return "is \(Format.percent(comparison.difference.magnitude)) points \(side) the best ingredient "
        + "(p = \(Statistics.pValue(comparison.pValue)))"
    }
    return """
      Greedy soup: \(kept.joined(separator: " + ")).
      On \(Format.count(best.test.count)) test images the greedy soup \(gain(greedySoup)), the uniform soup \(gain(uniform)), \
      the ensemble, at \(ensemble.passes) times the cost, \(gain(ensemble)).
      \(Statistics.legend)
      """
  }
}

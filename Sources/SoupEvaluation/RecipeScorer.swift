import SoupCheckpoints
import SoupMixing
import SoupModels
import SoupTensors
import SoupTorch

/// Scores a recipe by mixing it in memory, loading the weights into one model and running it over the evaluator's images.
///
/// Every recipe is evaluated once, however often it is asked for, and the logits of single ingredients are kept, so that
/// an ensemble of them costs nothing more.
public final class RecipeScorer: Scorer {
  public let evaluator: Evaluator
  let model: any Network
  private let mixer: Mixer
  private let recalibration: BatchNormRecalibration?
  private(set) var known: [Recipe: SampleOutcomes] = [:]
  private(set) var logits: [Recipe: HostTensor] = [:]
  /// Orders of images for trials, by what they were made for.
  var orders: [String: [Int]] = [:]
  /// Whether recalibration is applied to recipes of one ingredient too; they keep their own statistics otherwise.
  public var recalibratesSingles = false
  /// Called with `(recipe, images done)` while a recipe is evaluated.
  public var progress: (Recipe, Int) throws -> Void = { _, _ in }
  /// Models that were run over the images so far.
  public private(set) var evaluations = 0

  /// - Parameters:
  ///   - model: of the ingredients' architecture; its weights are overwritten.
  ///   - recalibration: recomputes the batch-norm statistics of every soup of two or more ingredients; nil keeps their
  ///     average, as the papers do.
  public init(
    model: any Network, evaluator: Evaluator, mixer: Mixer = Mixer(), recalibration: BatchNormRecalibration? = nil
  ) {
    self.model = model
    self.evaluator = evaluator
    self.mixer = mixer
    self.recalibration = recalibration
  }

  public func score(_ recipe: Recipe) throws -> Score { try outcomes(recipe).score }

  /// Whether the recipe's soup is right on each image, for paired comparisons.
  public func correct(_ recipe: Recipe) throws -> [Bool] { try outcomes(recipe).correct }

  /// How the recipe's soup does on every image.
  public func outcomes(_ recipe: Recipe) throws -> SampleOutcomes {
    if let known = known[recipe] { return known }
    let outcomes = try evaluator.outcomes(logits(recipe))
    known[recipe] = outcomes
    return outcomes
  }

  /// How the ensemble of several recipes does.
  public func ensemble(_ recipes: [Recipe], by method: Ensemble.Method = .logits) throws -> SampleOutcomes {
    try evaluator.outcomes(Ensemble.mean(recipes.map(logits), by: method))
  }

  /// Chooses members of an ensemble on this scorer's images, which must be held out.
  public func select(_ greedy: GreedyEnsemble, from recipes: [Recipe]) throws -> GreedyEnsemble.Selection {
    try greedy.select(recipes.map(logits), labels: evaluator.labels)
  }

  /// The mixed weights as they were scored: with recomputed statistics where those are asked for.
  public func weights(_ recipe: Recipe) throws -> StateDict {
    var mixed = try self.mixed(recipe)
    guard let recalibration, recalibrates(recipe) else { return mixed }
    try model.store.load(mixed)
    try recalibration.apply(to: model)
    for (name, tensor) in try model.store.stateDict() { mixed[name] = tensor }
    return mixed
  }

  /// The mixed weights with the average of their ingredients' statistics.
  func mixed(_ recipe: Recipe) throws -> StateDict { try mixer.mix(recipe) }

  /// Whether statistics are recomputed for this recipe.
  func recalibrates(_ recipe: Recipe) -> Bool {
    recalibration != nil && (recalibratesSingles || recipe.ingredients.count > 1)
  }

  /// Takes over the logits of a recipe that was run over all images, in their order.
  func keep(_ result: HostTensor, of recipe: Recipe) throws -> Score {
    countEvaluation()
    if recipe.ingredients.count == 1 { logits[recipe] = result }
    let outcomes = try evaluator.outcomes(result)
    known[recipe] = outcomes
    return outcomes.score
  }

  func countEvaluation() { evaluations += 1 }

  private func logits(_ recipe: Recipe) throws -> HostTensor {
    if let known = logits[recipe] { return known }
    try model.store.load(weights(recipe))
    let result = try evaluator.logits(of: model) { try progress(recipe, $0) }
    evaluations += 1
    if recipe.ingredients.count == 1 { logits[recipe] = result }
    return result
  }
}

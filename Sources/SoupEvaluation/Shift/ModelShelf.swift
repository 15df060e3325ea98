import SoupMixing
import SoupModels
import SoupTensors

/// Several models ready for prediction, by number. All stay in memory where they fit; else one does, and asking for another loads
/// that one again.
final class ModelShelf {
  private let scorer: RecipeScorer
  private let recipes: [Recipe]
  private let batchSize: Int
  /// Whether every model stays in memory.
  let isWhole: Bool
  private var models: [Int: any InferenceModel] = [:]
  /// Recomputed statistics of batch norm, which cost more than a model's weights to come by.
  private var statistics: [Int: StateDict] = [:]

  /// - Parameter memory: bytes that weights may take.
  init(_ recipes: [Recipe], _ scorer: RecipeScorer, batchSize: Int, memory: Int) {
    self.scorer = scorer
    self.recipes = recipes
    self.batchSize = batchSize
    let bytes = scorer.model.store.entries.reduce(0) { $0 + $1.tensor.count * 4 }
    isWhole = recipes.count == 1 || (!scorer.model.predictsLive && bytes * recipes.count <= memory)
  }

  subscript(index: Int) -> any InferenceModel {
    get throws {
      if let model = models[index] { return model }
      if !isWhole { models = [:] }
      let model = try load(index)
      models[index] = model
      return model
    }
  }

  private func load(_ index: Int) throws -> any InferenceModel {
    let network = scorer.model
    if let known = statistics[index] {
      try network.store.load(scorer.mixed(recipes[index]))
      try network.store.load(known, strict: false)
    } else {
      try network.store.load(scorer.weights(recipes[index]))
      if !isWhole, scorer.recalibrates(recipes[index]) {
        var buffers = StateDict()
        for (name, tensor) in network.store.buffers { try buffers.add(name, tensor.host()) }
        statistics[index] = buffers
      }
    }
    return try network.inference(precision: scorer.evaluator.precision, batchSize: batchSize)
  }
}

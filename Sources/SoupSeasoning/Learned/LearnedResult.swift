import SoupMixing

/// What a learned soup learned.
public struct LearnedResult: Codable, Sendable, Hashable {
  /// A pass over the held-out images, seen while learning: every batch before its step.
  public struct Epoch: Codable, Sendable, Hashable {
    /// Mean cross-entropy in nats, with β.
    public var loss: Double
    public var top1: Double
  }

  public let configuration: LearnedSoup
  public let paths: [String]
  /// Names of the mixed tensors.
  public let tensors: [String]
  /// `[tensor][ingredient]`; equal rows for an extent of the whole model.
  public let weights: [[Double]]
  public let coefficients: MixtureCoefficients
  public let epochs: [Epoch]

  /// The share of every ingredient, averaged over the coefficients' rows.
  public var meanWeights: [Double] { coefficients.meanWeights }
  public var temperature: Double { coefficients.temperature }

  /// The soup as a recipe that `Mixer` writes: a weighted sum, or by tensor `linear` with a weight for each tensor's name.
  public var recipe: Recipe {
    if configuration.extent == .model {
      return .weighted(zip(paths, weights[0]).map { ($0, $1) }, normalize: false)
    }
    // A rule fits every name that contains its own; the longest names come first, so that each finds its own rule.
    let order = tensors.indices.sorted { a, b in
      let (left, right) = (tensors[a].utf8.count, tensors[b].utf8.count)
      return left != right ? left > right : tensors[a] < tensors[b]
    }
    let others = meanWeights
    let ingredients = paths.indices.map { index in
      let rules = order.map { Setting.Rule(weights[$0][index], filter: tensors[$0]) }
      // Counters are copied, but the method asks for a weight of theirs too.
      return Recipe.Ingredient(paths[index], parameters: ["weight": Setting(rules + [.init(others[index])])])
    }
    return .named(.linear, ingredients, parameters: ["normalize": 0])
  }
}

import Foundation
import SoupEvaluation
import SoupMixing
import SoupTensors

/// Sampled soup: mixtures with random weights are scored, and the best is kept.
///
/// The weights of sample i are Dirichlet(c, …, c): independent Gamma(c, 1) numbers over their sum. At c = 1 every mixture
/// is equally likely; below, mixtures of few ingredients are; above, those near the uniform soup. The first sample is the
/// uniform soup itself, so that the result is never worse than that on the scorer's images.
///
/// Sample `i` is a function of seed, `i` and the number of ingredients alone.
public struct SampledSoup: Codable, Sendable, Hashable {
  /// Mixtures to score, the uniform soup among them.
  public var samples: Int
  /// c, above 0.
  public var concentration: Double
  public var metric: Metric
  public var seed: UInt64

  public init(samples: Int = 64, concentration: Double = 1, metric: Metric = .top1, seed: UInt64 = 0) {
    self.samples = samples
    self.concentration = concentration
    self.metric = metric
    self.seed = seed
  }

  /// The weights of a sample; they sum to 1.
  public func weights(_ sample: Int, ingredients count: Int) -> [Double] {
    guard sample > 0, count > 1 else { return Array(repeating: 1 / Double(count), count: count) }
    var random = CounterGenerator(seed: seed).derived("dirichlet").derived(UInt64(sample))
    return MixtureCoefficients.softmax((0..<count).map { _ in random.logGamma(shape: concentration) })
  }

  /// Scores all samples. Of equal ones, the first is kept.
  /// - Parameter progress: called after every sample.
  public func season(
    _ paths: [String], with scorer: some Scorer,
    progress: (SampledResult.Sample, _ done: Int) throws -> Void = { _, _ in }
  ) throws -> SampledResult {
    try SeasoningError.check(ingredients: paths)
    guard samples >= 1, concentration > 0, concentration.isFinite else {
      throw SeasoningError(
        .badConfiguration,
        "a sampled soup needs at least 1 sample and a concentration above 0, found \(samples) and \(concentration)")
    }
    var tried: [SampledResult.Sample] = []
    var best: (index: Int, recipe: Recipe, score: Score)?
    for index in 0..<(paths.count > 1 ? samples : 1) {
      let weights = weights(index, ingredients: paths.count)
      let recipe = index == 0 ? .uniform(paths) : Recipe.weighted(Array(zip(paths, weights)).map { ($0, $1) })
      var sample = SampledResult.Sample(weights: weights)
      let trial =
        try best.map {
          try scorer.trial(recipe, against: Bar($0.recipe, $0.score, by: metric, isStrict: true))
        } ?? .scored(try scorer.score(recipe))
      switch trial {
      case .scored(let score):
        sample.score = score
        if metric.quality(of: score) > (best.map { metric.quality(of: $0.score) } ?? -.infinity) {
          best = (index, recipe, score)
        }
      case .rejected(let images): sample.images = images
      }
      tried.append(sample)
      try progress(sample, index + 1)
    }
    guard let best else {
      throw SeasoningError(
        .noFiniteScore, "no mixture has a finite \(metric.rawValue); look at the ingredients' weights")
    }
    return SampledResult(
      configuration: self, paths: paths, samples: tried, best: best.index, score: best.score, recipe: best.recipe)
  }
}

/// What a sampled soup found.
public struct SampledResult: Codable, Sendable, Hashable {
  public struct Sample: Codable, Sendable, Hashable {
    public var weights: [Double]
    /// Nil if it was left before the last image, because it could not be the best any more.
    public var score: Score?
    /// Images seen until then.
    public var images: Int?
  }

  public let configuration: SampledSoup
  public let paths: [String]
  public let samples: [Sample]
  /// Which sample is the soup.
  public let best: Int
  public let score: Score
  public let recipe: Recipe
}

/// Averages of an ordered list of checkpoints, such as those of one training run, oldest first.
public enum OrderedAverages {
  /// Exponential moving average: from the first checkpoint on, `θ ← β θ + (1 − β) θₖ`.
  ///
  /// - Parameter decay: β, from 0 (the last checkpoint) to 1 (the first).
  /// - Source: Polyak averaging as in Izmailov et al., 2018, arXiv:1803.05407.
  public static func exponential(count: Int, decay: Double) throws(MixError) -> WeightedSoup {
    guard (0...1).contains(decay) else {
      throw MixError(.invalidRecipe, "decay is \(decay); it must be from 0 to 1")
    }
    var weights: [Double] = []
    for index in 0..<count { weights = weights.map { $0 * decay } + [index == 0 ? 1 : 1 - decay] }
    return try WeightedSoup(weights: weights, normalize: false)
  }

  /// LAWA, the mean of the latest checkpoints: `θ = (1/k) Σ` of the last k.
  ///
  /// - Parameter window: k; all of them if there are fewer.
  /// - Source: Kaddour, *Stop wasting my time!*, 2022, arXiv:2209.14981.
  public static func latest(count: Int, window: Int) throws(MixError) -> WeightedSoup {
    guard window >= 1 else { throw MixError(.invalidRecipe, "window is \(window); it must be at least 1") }
    return try WeightedSoup(weights: (0..<count).map { $0 < count - window ? 0 : 1 })
  }
}

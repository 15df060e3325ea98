/// Confidence intervals for an accuracy: a number of successes among independent trials.
public enum ProportionInterval {
  /// Wilson's score interval: `(p̂ + z²/2n ± z √(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n)`.
  ///
  /// Its coverage is right on average, it never leaves 0…1 and is not empty at 0 and 1: the one that tables show.
  /// - Throws: `AnalysisError.Code.range`.
  /// - Source: Wilson, 1927; recommended by Brown, Cai and DasGupta, 2001.
  public static func wilson(_ successes: Int, of trials: Int, level: Double = 0.95) throws(AnalysisError) -> Interval {
    try check(successes, trials, level)
    let n = Double(trials)
    let p = Double(successes) / n
    let z = NormalDistribution.quantile((1 + level) / 2)
    let scale = 1 + z * z / n
    let centre = (p + z * z / (2 * n)) / scale
    let half = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot() / scale
    // The ends are exact where rounding would leave a hair.
    return Interval(
      successes == 0 ? 0 : max(0, centre - half), successes == trials ? 1 : min(1, centre + half), level: level)
  }

  /// Clopper and Pearson's interval from the binomial tails: coverage is at least the level, whatever the true accuracy.
  /// - Throws: `AnalysisError.Code.range`.
  /// - Source: Clopper and Pearson, 1934.
  public static func clopperPearson(
    _ successes: Int, of trials: Int, level: Double = 0.95
  ) throws(AnalysisError) -> Interval {
    try check(successes, trials, level)
    let (k, n) = (Double(successes), Double(trials))
    let tail = (1 - level) / 2
    return Interval(
      successes == 0 ? 0 : IncompleteBeta(k, n - k + 1).inverse(tail),
      successes == trials ? 1 : IncompleteBeta(k + 1, n - k).inverse(1 - tail), level: level)
  }

  private static func check(_ successes: Int, _ trials: Int, _ level: Double) throws(AnalysisError) {
    try Interval.check(level: level)
    guard trials > 0, (0...trials).contains(successes) else {
      throw AnalysisError(.range, "\(successes) successes in \(trials) trials have no interval")
    }
  }
}

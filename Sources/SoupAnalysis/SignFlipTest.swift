#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Are paired differences centred on zero? The sign-flip (paired permutation) test, two-sided: if nothing distinguishes two models,
/// every image's difference could as well have the other sign.
///
/// For values −1, 0 and 1 the test is exact and is McNemar's. For others, such as differences of an image's accuracy over many
/// corruptions, it takes the normal limit `z = |Σ d| / √(Σ d²)`, of which n is then large enough.
/// - Source: Fisher, 1935, *The Design of Experiments*, section 21.
public enum SignFlipTest {
  /// - Throws: `AnalysisError` for no values, or one that is not finite.
  public static func pValue(_ differences: [Double]) throws(AnalysisError) -> Double {
    try pValue(sumOfMeans: [differences])
  }

  /// Of a sum of means over separate sets of images.
  /// - Parameter strata: differences, set by set; what is tested is `Σ_s mean(strata[s]) = 0`.
  public static func pValue(sumOfMeans strata: [[Double]]) throws(AnalysisError) -> Double {
    guard !strata.isEmpty, strata.allSatisfy({ !$0.isEmpty }) else {
      throw AnalysisError(.tooFew, "a test of paired differences needs at least one value")
    }
    guard strata.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
      throw AnalysisError(.range, "a test of paired differences needs finite values")
    }
    if strata.count == 1, strata[0].allSatisfy({ $0 == 0 || $0.magnitude == 1 }) {
      return PairedOutcomes(
        both: 0, onlyFirst: strata[0].count { $0 == 1 }, onlySecond: strata[0].count { $0 == -1 }, neither: 0
      ).mcNemar
    }
    var (sum, variance) = (0.0, 0.0)
    for values in strata {
      let n = Double(values.count)
      sum += values.reduce(0, +) / n
      variance += values.reduce(0) { $0 + $1 * $1 } / (n * n)
    }
    return variance == 0 ? 1 : erfc(sum.magnitude / (2 * variance).squareRoot())
  }
}

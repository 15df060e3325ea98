/// Predictors of one table of pair soups, by what they need: all measures, those of weights alone, those of logits alone.
///
/// The first whose measures are all known is the one to ask.
public struct PredictorFile: Sendable, Codable, Equatable {
  public let version: Int
  public let predictors: [SoupPredictor]

  /// Measures that need no data.
  public static func isOfWeights(_ measure: String) -> Bool {
    ["l2_distance", "relative_l2", "cosine_similarity", "angle", "task_cosine", "task_angle", "sign_agreement"]
      .contains(measure)
  }

  /// Fits on all measures, on those of weights and on those of outputs, as far as there are any.
  /// - Throws: `AnalysisError` as `SoupPredictor`.
  public init(_ table: PairTable, gain: SoupGain, sources: [String]) throws(AnalysisError) {
    var predictors: [SoupPredictor] = []
    let weights = table.measures.filter { Self.isOfWeights($0) }
    let others = table.measures.filter { !Self.isOfWeights($0) }
    var seen: Set<[String]> = []
    for measures in [table.measures, others, weights] where !measures.isEmpty && seen.insert(measures).inserted {
      predictors.append(try SoupPredictor(table, gain: gain, measures: measures, sources: sources))
    }
    guard !predictors.isEmpty else {
      throw AnalysisError(.tooFew, "a predictor needs measures of similarity; the table has none")
    }
    self.predictors = predictors
    version = 1
  }

  /// The predictor that uses most of the measures that are there; nil without one.
  public func best(for measures: [String]) -> SoupPredictor? {
    predictors.first { $0.measures.allSatisfy(measures.contains) }
  }
}

/// Predictors of one table of pair soups, by what they need: all measures, those of weights alone, those of logits alone.
///
/// The first whose measures are all known is the one to ask.
public struct PredictorFile: Sendable, Codable, Equatable {
  /// 1 had straight lines of log measures, λ = 1, no calibration; it is still read. 2 has splines and calibration.
  public static let current = 2

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
    version = Self.current
  }

  /// - Throws: `AnalysisError` for a version that this program does not know, `DecodingError` for what is no such file.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    version = try container.decode(Int.self, forKey: .version)
    guard (1...Self.current).contains(version) else {
      throw AnalysisError(
        .range, "the predictor is of version \(version); this program reads versions up to \(Self.current)")
    }
    predictors = try container.decode([SoupPredictor].self, forKey: .predictors)
  }

  /// The predictor that uses most of the measures that are there; nil without one.
  public func best(for measures: [String]) -> SoupPredictor? {
    predictors.first { $0.measures.allSatisfy(measures.contains) }
  }
}

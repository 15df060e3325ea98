import SoupAnalysis

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Whether two models will soup, as far as their likeness tells: by a predictor that was fitted on soups, or by a plain rule.
///
/// The rule is that of one published study (104 ResNet-50 on CIFAR-100 that left one training run at different epochs; 5,356 soups of
/// two, batch-norm statistics averaged): of pairs whose weights have a cosine below 0.7 none had a lower loss than both parents; from
/// 0.7 to 0.9 two in five had; from 0.9 on three in four. Fine-tunings of one base mostly lie above 0.9.
/// - Source: Ghyselincks et al., *When is Model Souping Tasty?*, 2026, its tables.
struct SoupAdvice {
  enum Basis {
    case rule
    case predictor(SoupPredictor)
  }

  struct Answer: Encodable {
    /// `no`, `maybe`, `likely`.
    let verdict: String
    /// Of a predictor; of the rule, how often it was so in its study.
    let probability: Double
    let expectedGain: Double?
    let outside: [String]

    enum CodingKeys: String, CodingKey {
      case verdict, probability, outside
      case expectedGain = "expected_gain"
    }
  }

  let basis: Basis
  /// Of every pair; nil where a measure is not defined.
  let answers: [Answer?]

  /// - Throws: when the file is no predictor, or needs measures that are not there.
  init(_ similarities: PairSimilarities, predictor path: String?) throws {
    guard let path else {
      basis = .rule
      answers = (similarities["cosine_similarity"] ?? []).map { $0.map(Self.rule) }
      return
    }
    let file: PredictorFile
    do {
      file = try JSONDecoder().decode(PredictorFile.self, from: try Data(contentsOf: URL(fileURLWithPath: path)))
    } catch let error as AnalysisError {
      throw PathFailure(problems: ["--predictor \(path): \(error)"])
    } catch {
      throw PathFailure(problems: [
        "--predictor \(path): is not what 'soup analyze pairs --predictor' writes, or cannot be read"
      ])
    }
    guard let predictor = file.best(for: similarities.measures) else {
      let needs = file.predictors.map {
        Set($0.measures).subtracting(similarities.measures).sorted().joined(separator: ", ")
      }
      throw PathFailure(problems: [
        "--predictor \(path): none of its predictors can be asked; missing are "
          + needs.joined(separator: "; or ") + ". Measures of logits and features come with --data"
      ])
    }
    basis = .predictor(predictor)
    answers = similarities.pairs.indices.map { place in
      predictor(similarities.values(ofPair: place)).map {
        Answer(
          verdict: $0.probability < 0.2 ? "no" : $0.probability < 0.6 ? "maybe" : "likely",
          probability: $0.probability, expectedGain: $0.gain, outside: $0.outside)
      }
    }
  }

  private static func rule(_ cosine: Double) -> Answer {
    let (verdict, share) = cosine < 0.7 ? ("no", 0) : cosine < 0.9 ? ("maybe", 0.4) : ("likely", 0.77)
    return Answer(verdict: verdict, probability: share, expectedGain: nil, outside: [])
  }

  /// What it is worth, in a few lines.
  var explanation: [String] {
    switch basis {
    case .rule:
      return [
        "Soup? by a plain rule on the cosine of weights: below 0.7 no, from 0.9 likely. In the study it comes from (pairs of "
          + "ResNet-50 on CIFAR-100)",
        "0, 40 and 77 % of such soups had a lower loss than both parents. 'soup analyze pairs --predictor' fits one to your own.",
      ]
    case .predictor(let predictor):
      let (basis, quality) = (predictor.basis, predictor.basis.quality)
      var lines = [
        "Soup? is the chance of a gain of \(basis.gain.title), from \(predictor.measures.joined(separator: ", ")).",
        "Fitted on \(Format.count(basis.pairs)) pairs of \(basis.models) models (\(Format.count(basis.positive)) gain; "
          + "\(basis.sources.joined(separator: ", "))). On models it had not seen: AUC "
          + "\(Format.fixed(quality.auc, 3)) [\(Format.fixed(quality.aucInterval.lower, 3)), "
          + "\(Format.fixed(quality.aucInterval.upper, 3))], Brier \(Format.fixed(quality.brier, 4)) "
          + "(base rate \(Format.fixed(quality.brierOfBaseRate, 4))), log loss \(Format.fixed(quality.logLoss, 4)) "
          + "(\(Format.fixed(quality.logLossOfBaseRate, 4))), ECE \(Format.percent(quality.ece)) %.",
      ]
      let outside = answers.compactMap { $0 }.filter { !$0.outside.isEmpty }
      if !outside.isEmpty {
        lines.append(
          "\(Format.count(outside.count)) pairs lie outside what it was fitted on (marked *; "
            + "\(Set(outside.flatMap(\.outside)).sorted().joined(separator: ", "))): there it only guesses.")
      }
      return lines
    }
  }

  /// The cell of a table.
  func text(_ place: Int) -> String {
    guard let answer = answers[place] else { return "–" }
    guard case .predictor = basis else { return answer.verdict }
    return "\(answer.verdict) \(Format.percent(answer.probability, decimals: 0)) %\(answer.outside.isEmpty ? "" : " *")"
  }
}

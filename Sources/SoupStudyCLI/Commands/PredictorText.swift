import Foundation
import SoupAnalysis
import SoupCLI
import SoupReports

/// How well similarity predicts whether two models soup, as `soup analyze pairs` prints it.
enum PredictorText {
  /// Nil where the table has no measures, or too few pairs to fit on.
  static func fit(
    _ table: PairTable, gain: SoupGain, sources: [String], isWanted: Bool, _ console: Console
  ) throws -> PredictorFile? {
    guard !table.measures.isEmpty else {
      if isWanted {
        throw ReportError(.empty, path: sources[0], ["has no measures of similarity: name them with --similarities"])
      }
      return nil
    }
    do {
      return try PredictorFile(table, gain: gain, sources: sources)
    } catch {
      if isWanted { throw error }
      console.note("No predictor of gain: \(error)")
      return nil
    }
  }

  static func write(_ file: PredictorFile, to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    do {
      try encoder.encode(file).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw ReportError(.file, path: path, ["cannot be written"])
    }
  }

  static func print(_ file: PredictorFile, _ console: Console) {
    let basis = file.predictors[0].basis
    console.print(
      "\nWill these two soup? Predicted for models that were left out of the fit (\(basis.folds) folds of models; a gain of \(basis.gain.title))."
    )
    var table = Table([
      .init("from"), .init("pairs", .right), .init("gain", .right), .init("AUC", .right), .init("Brier", .right),
      .init("log loss", .right), .init("ECE %", .right), .init("calibration"), .init("gain: Spearman", .right),
      .init("R²", .right), .init("median error", .right),
    ])
    for predictor in file.predictors {
      let (basis, quality) = (predictor.basis, predictor.basis.quality)
      let of =
        predictor.measures.allSatisfy(PredictorFile.isOfWeights)
        ? "weights"
        : predictor.measures.contains(where: PredictorFile.isOfWeights)
          ? "all \(predictor.measures.count) measures" : "outputs"
      table.add([
        of, Format.count(basis.pairs), Format.count(basis.positive),
        "\(Format.fixed(quality.auc, 4)) [\(Format.fixed(quality.aucInterval.lower, 4)), \(Format.fixed(quality.aucInterval.upper, 4))]",
        Format.fixed(quality.brier, 4), Format.fixed(quality.logLoss, 4), Format.percent(quality.ece),
        predictor.calibration.name, Format.fixed(basis.gainSpearman, 4), Format.fixed(basis.gainR2, 3),
        Format.significant(basis.gainError, 3),
      ])
    }
    let quality = basis.quality
    table.add([
      "base rate", Format.count(basis.pairs), Format.count(basis.positive), Format.fixed(0.5, 4),
      Format.fixed(quality.brierOfBaseRate, 4), Format.fixed(quality.logLossOfBaseRate, 4), "", "", "", "", "",
    ])
    console.print(table)
    let line =
      if let slope = quality.slope, let intercept = quality.intercept {
        " What happened, regressed on the log odds: slope \(Format.fixed(slope, 2)) (1 is right, below too sure), intercept \(Format.fixed(intercept, 2))."
      } else { "" }
    console.print(
      "\nReliability of the first: of pairs with a chance in a range, how many gained (95 %, Wilson, as if pairs were independent).\(line)"
    )
    var bins = Table([
      .init("chance %"), .init("pairs", .right), .init("predicted %", .right), .init("gained %", .right),
      .init("95 %", .right),
    ])
    for bin in quality.bins where bin.pairs > 0 {
      bins.add([
        "\(Format.percent(bin.lower, decimals: 0)) – \(Format.percent(bin.upper, decimals: 0))",
        Format.count(bin.pairs),
        bin.predicted.map { Format.percent($0, decimals: 1) } ?? "–",
        bin.observed.map { Format.percent($0, decimals: 1) } ?? "–",
        bin.interval.map {
          "\(Format.percent($0.lower, decimals: 1)) – \(Format.percent($0.upper, decimals: 1))"
        } ?? "–",
      ])
    }
    console.print(bins)
  }
}

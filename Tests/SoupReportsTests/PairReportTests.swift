import Foundation
import SoupAnalysis
import SoupReports
import Testing

/// The page of an analysis of pair soups.
@Suite struct PairReportTests {
  /// 4 branch points of 3 variants, with everything that a table may have; `worse` losses in pairs far apart.
  static func rows(_ worse: Double = 1) -> String {
    var lines = [
      "key_a,key_b,branch_epoch_a,branch_epoch_b,model_id_a,model_id_b,clean_accuracy,clean_loss,acc_corr_3,loss_corr_3"
    ]
    let models = [10, 20, 30, 40].flatMap { epoch in (1...3).map { (epoch, $0) } }
    for (index, a) in models.enumerated() {
      for b in models[index...] {
        let isSame = a == b
        let far = Double(40 - min(a.0, b.0)) / 30 + (a.1 == 1 || b.1 == 1 ? 0.5 : 0)
        let gain = isSame ? 0 : 0.02 - 0.3 * worse * far * Double((a.0 + b.0 + a.1 * b.1) % 7) / 7
        lines.append(
          "\(a.0)_\(a.1),\(b.0)_\(b.1),\(a.0),\(b.0),\(a.1),\(b.1),\(70 + gain * 60),\(1 - gain),\(50 + gain * 60),\(2 - gain)"
        )
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  static let similarities: String = {
    var lines = ["key_a,key_b,kl_logits,l2_distance"]
    let names = [10, 20, 30, 40].flatMap { epoch in (1...3).map { "\(epoch)_\($0)" } }
    for (index, a) in names.enumerated() {
      for (offset, b) in names[(index + 1)...].enumerated() {
        lines.append("\(a),\(b),0.\(10 + offset),\(20 - index).5")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }()

  /// Every figure is sound, and its caption says which gain it is of.
  @Test func everyFigureNamesItsGain() throws {
    let folder = try TemporaryFolder()
    let table = try PairTableFile.read(
      folder.write(Self.rows(), to: "p.csv"), similarities: folder.write(Self.similarities, to: "s.csv"))
    #expect(table.models.allSatisfy { $0.variant != nil })
    var extras = PairExtras()
    let triangle = (0...4).flatMap { i in
      (0...(4 - i)).map { j in "\(Double(i) / 4),\(Double(j) / 4),\(Double(4 - i - j) / 4)" }
    }
    try extras.read(
      simplex: folder.write(
        "w1,w2,w3,accuracy,loss,key_a,key_b,key_c\n"
          + triangle.map { "\($0),70,1,10_1,20_1,30_1" }.joined(separator: "\n"),
        to: "t.csv"))
    try extras.read(
      sweeps: folder.write(
        "a,b,alpha,top1,top1_a,top1_b\n"
          + ["x,y", "x,z"].flatMap { pair in
            [0.25, 0.5, 0.75].map { "\(pair),\($0),0.71,0.7,0.69" }
          }.joined(separator: "\n"), to: "a.csv"))
    try extras.read(
      averages: folder.write(
        "run_id,seed,model_type,clean_acc,clean_loss,corrupted_acc,corrupted_loss\n"
          + (0..<3).map {
            "\($0),4\($0),Baseline,70,1,50,2\n\($0),4\($0),EMA,71.\($0),1,51,2\n\($0),4\($0),SWA,72,1,53.\($0),2"
          }
          .joined(separator: "\n"), to: "e.csv"))
    let analysis = try PairAnalysis(table)
    let report = PairReport.report(table, analysis, extras: extras, sources: ["p.csv"])
    let ids = report.figures.map(\.id)
    #expect(Set(ids).count == ids.count)
    for id in [
      "gain-distribution-loss", "gain-distribution-accuracy", "gain-by-shared-training", "chance-of-gain",
      "expected-gain",
      "gain-against-kl-logits", "gain-against-kl-logits-positive", "gain-against-l2-distance", "transitivity-bars",
      "transitivity-minimum", "transitivity-mean", "failures-by-shared-epochs", "soup-map", "soup-grid",
      "clean-against-corrupted", "robustness-gap", "averages", "variants", "alpha-sweeps",
    ] { #expect(ids.contains(id), "\(id)") }
    #expect(ids.contains { $0.hasPrefix("simplex-") } && report.missing.isEmpty)
    for figure in report.figures {
      FigureTests.check(figure)
      if !["collapse", "averages", "alpha-sweeps", "robustness-gap"].contains(figure.id),
        !figure.id.hasPrefix("simplex")
      {
        let caption = figure.caption.lowercased()
        #expect(caption.contains("gain in ") || caption.contains("over the be"), "\(figure.id): \(figure.caption)")
      }
    }
    // Ends of a sweep come from the parents' scores; both pairs gain in the middle.
    #expect(report.figures.first { $0.id == "alpha-sweeps" }?.tables["data"]?.rows.count == 10)
    #expect(report.figures.first { $0.id == "alpha-sweeps" }?.caption.contains("2 gain in the middle") == true)
    for table in report.sections.flatMap(\.tables) where table.id != "similarity" {
      #expect(table.caption.lowercased().contains("gain"), "\(table.id)")
    }
    #expect(PairReport.findings(table, analysis).contains { $0.hasPrefix("Shared training:") && $0.contains("95 %") })
  }

  /// A table of many pairs stays a small page: marks stand for all pairs near them, and none is lost.
  @Test func manyPairsAreDrawnAsFew() throws {
    var table = PairTable(models: [], pairs: [], measures: ["kl_logits"])
    for index in 0..<80 {
      table.models.append(
        .init(
          name: "m\(index)", scores: .init(accuracy: 70, loss: 1), branchEpoch: 10 * (index / 4),
          variant: "\(index % 4)"))
    }
    for a in 0..<80 {
      for b in (a + 1)..<80 {
        let gain = 0.01 - Double((a * 7 + b * 13) % 100) / 50
        table.pairs.append(
          .init(
            a: a, b: b, scores: .init(accuracy: 70 + gain, loss: 1 - gain),
            similarities: ["kl_logits": Double((a * 31 + b * 17) % 97) / 97]))
      }
    }
    let figure = try #require(GainAgainstSimilarity.figure(table, SoupGain(.loss), measure: "kl_logits"))
    let data = try #require(figure.tables["data"])
    let place = try #require(data.columns.firstIndex(of: "pairs"))
    #expect(data.rows.count < 1200 && data.rows.reduce(0) { $0 + ($1[place].number ?? 0) } == 3160)
    FigureTests.check(figure)
    #expect(figure.caption.contains("3160 pairs"))
  }

  @Test func extrasThatAreNoneAreNamed() throws {
    let folder = try TemporaryFolder()
    var extras = PairExtras()
    func problem(_ body: () throws -> Void) -> String {
      do {
        try body()
        return ""
      } catch { return "\(error)" }
    }
    let sweep = try folder.write("a,b,alpha,top1\nx,y,0.5,nan\n", to: "a.csv")
    #expect(problem { try extras.read(sweeps: sweep) }.contains("line 2: top1 is 'nan'"))
    let bare = try folder.write("a,b\nx,y\n", to: "b.csv")
    #expect(problem { try extras.read(sweeps: bare) }.contains("has no column alpha"))
    #expect(problem { try extras.read(averages: bare) }.contains("model_type"))
    #expect(problem { try extras.read(simplex: bare) }.contains("expected a landscape"))
    let short = try folder.write("run_id,model_type,clean_acc\n1,EMA\n", to: "c.csv")
    #expect(problem { try extras.read(averages: short) }.contains("line 2 has 2 fields, expected 3"))
  }

  /// The published tables, where a folder holds them: every number of the reference's tables, to its last digit.
  @Test(.enabled(if: tastyFolder != nil)) func thePublishedTablesGiveTheReferenceNumbers() throws {
    let folder = try #require(tastyFolder)
    let table = try PairTableFile.read(
      folder + "/pair_soups.csv", similarities: folder + "/pair_similarities.csv")
    let groups = Dictionary(
      uniqueKeysWithValues: try SharedTraining(table, measure: "kl_logits").groups.map { ($0.sharedEpochs, $0) })
    // shared epochs, pairs, P(g > −50, −5, 0, 0.5), mean positive gain, collapsed, loss not worse, corrupted, quantiles, KL
    let expected: [Int: (Int, [Double], Double?, [Double], [Double], Double)] = [
      50: (406, [0.1133, 0.0025, 0, 0], nil, [0.6502, 0, 0], [-3.6374, -3.5646, -2.3831], 0.4236),
      120: (
        294, [0.5612, 0.2449, 0.0034, 0.0034], 0.69, [0.3980, 0.0034, 0.0068], [-3.6883, -0.6285, -0.1577], 0.3308
      ),
      220: (
        134, [0.7388, 0.4403, 0.3731, 0.2761], 0.6966, [0.0746, 0.3806, 0.2910], [-3.4468, -0.4192, 0.0301], 0.2234
      ),
      260: (70, [0.7429, 0.7, 0.6143, 0.0429], 0.2433, [0, 0.6714, 0.3286], [-3.5341, 0.0055, 0.0113], 0.1208),
      300: (6, [1, 1, 0.3333, 0], 0.015, [0, 0.6667, 0.8333], [-0.0009, 0.0013, 0.0041], 0.0188),
    ]
    for (shared, numbers) in expected {
      let group = try #require(groups[shared])
      func agree(_ a: [Double], _ b: [Double]) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 5.1e-5 }
      }
      #expect(group.pairs == numbers.0 && agree(group.above, numbers.1), "\(shared)")
      #expect(agree([group.meanGain].compactMap(\.self), [numbers.2].compactMap(\.self)), "\(shared)")
      let shares = [group.collapsed, group.lossNotWorse ?? -1, group.corruptedLossNotWorse ?? -1]
      #expect(agree(shares, numbers.3) && agree(group.lossGains, numbers.4), "\(shared)")
      #expect(agree([group.meanSimilarity ?? -1], [numbers.5]), "\(shared)")
    }
    let correlations = Dictionary(
      uniqueKeysWithValues: try SimilarityCorrelations(table).rows.map { row in
        (row.measure, row.all.map(\.coefficient) + row.positive.map(\.coefficient) + [row.shared?.coefficient ?? .nan])
      })
    // accuracy gain, loss gain, each of those above 0, shared epochs
    let reference: [String: [Double]] = [
      "l2_distance": [-0.930544, -0.9328, 0.188752, 0.2177, -0.4939],
      "cosine_similarity": [0.894635, 0.8809, -0.145115, -0.1904, 0.6765],
      "cka_logits": [0.926627, 0.9149, -0.164603, -0.2029, 0.5584],
      "mse_logits": [-0.930912, -0.9188, 0.177070, 0.2119, -0.5264],
      "kl_logits": [-0.880171, -0.8654, 0.161160, 0.2058, -0.6573],
      "cka_features": [0.927352, 0.9164, -0.173422, -0.2119, 0.5163],
    ]
    for (measure, numbers) in reference {
      let found = try #require(correlations[measure])
      for (index, number) in numbers.enumerated() {
        let digits = index == 0 || index == 2 ? 5.1e-7 : 5.1e-5
        #expect(abs(found[index] - number) < digits, "\(measure) \(index)")
      }
    }
    // Mean off-diagonal soup distance and its scale.
    let distance = try SoupDistance(table)
    let n = table.models.count
    #expect(abs(distance.tau - 3.66847) < 1e-5)
    #expect(abs(distance.values.reduce(0, +) / Double(n * n - n) - 0.942423) < 1e-6)
  }
}

/// Folder of the published pair tables, which have no licence and are not here: SOUP_TASTY_TABLES.
let tastyFolder: String? = ProcessInfo.processInfo.environment["SOUP_TASTY_TABLES"]

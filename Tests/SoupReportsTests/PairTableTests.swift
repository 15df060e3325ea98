import Foundation
import SoupAnalysis
import SoupReports
import Testing

@Suite struct PairTableTests {
  static let header = "key_a,key_b,branch_epoch_a,branch_epoch_b,clean_accuracy,clean_loss,acc_corr_3,loss_corr_3\n"
  static let good =
    header + """
      b,c,60,70,71.5,1.0,50,2
      a,a,50,50,70,1.1,49,2.1
      b,b,60,60,71,1.05,50,2.0
      c,a,70,50,2.5,4.6,,
      c,c,70,70,72,1.0,51,1.9
      a,b,50,60,71.2,1.04,50,2

      """

  @Test func modelsComeInTheOrderOfTheRows() throws {
    let folder = try TemporaryFolder()
    let soups = try folder.write(Self.good, to: "s.csv")
    let alike = try folder.write("key_a,key_b,kl\nb,a,0.5\na,c,0.75\nb,c,\n", to: "k.csv")
    let table = try PairTableFile.read(soups, similarities: alike)
    #expect(table.models.map(\.name) == ["b", "c", "a"] && table.models.map(\.branchEpoch) == [60, 70, 50])
    #expect(table.pairs.count == 3 && table.missing == 0 && table.measures == ["kl"])
    #expect(table.pairs[1].scores.corruptedLoss == nil && table.pairs[1].similarities["kl"] == 0.75)
    let analysis = try PairAnalysis(table, gain: SoupGain(.accuracy))
    #expect(analysis.positive == 1 && analysis.collapsed == 1 && analysis.graph.edges == 1)
    let report = PairReport.report(table, analysis, sources: ["s.csv"])
    #expect(report.figures.contains { $0.id == "soup-map" })
    for figure in report.figures { FigureTests.check(figure) }
  }

  /// Every problem at once, each with its line.
  @Test func everyProblemIsNamedWithItsLine() throws {
    let folder = try TemporaryFolder()
    func problems(_ text: String, similarities: String? = nil) throws -> [String] {
      let soups = try folder.write(text, to: "s.csv")
      let alike = try similarities.map { try folder.write($0, to: "k.csv") }
      do {
        _ = try PairTableFile.read(soups, similarities: alike)
        return []
      } catch {
        return error.problems
      }
    }
    let bad = Self.good.replacing("71.2", with: "nan") + "b,a,60,50,71,1,50,2\nd,a,80,50,70,1,50,2\nb,b,60,60,,1,1,1\n"
    let found = try problems(bad)
    #expect(found.contains { $0.hasPrefix("line 7") && $0.contains("'nan'") })
    #expect(found.contains("line 8: b and a are there twice") && found.contains("line 10: b is there twice"))
    #expect(
      found.contains { $0.hasPrefix("d has no row of its own") } && found.contains("line 10: clean_accuracy is empty"))
    #expect(try problems("key_a,clean_accuracy\na,1\n") == ["has no column key_b"])
    #expect(try problems(Self.header + "a,a,50\n") == ["line 2 has 3 fields, expected 8"])
    #expect(
      try problems(Self.good, similarities: "key_a,key_b,kl\na,x,1\na,b,1\nb,a,1\n") == [
        "line 2: a and x have no soup", "line 4: b and a are there twice",
      ])
  }

  @Test func columnsEpochsAndNamesThatMakeNoSenseAreNamed() throws {
    let folder = try TemporaryFolder()
    let text = """
      key_a,key_b,branch_epoch_a,branch_epoch_b,clean_accuracy,colour,clean_accuracies
      a,a,50,50,70,red,1
      "b, c","b, c",1.5,60,71,red,1
      a,"b, c",40,60,71,red,1
      ,a,50,50,70,red,1
      """
    let error = #expect(throws: ReportError.self) { try PairTableFile.read(folder.write(text, to: "s.csv")) }
    let found = error?.problems ?? []
    for problem in [
      "line 1: column 'colour' is not known", "line 1: column 'clean_accuracies' is not known",
      "line 3: branch_epoch_a is '1.5', expected a whole number of epochs",
      "line 4: a has another branch_epoch than before",
      "line 5: a model has no name",
    ] { #expect(found.contains(problem), "\(problem)") }
    let quoted = #expect(throws: ReportError.self) {
      try PairTableFile.read(folder.write("key_a,key_b,clean_accuracy\n\"a,a,1\n", to: "q.csv"))
    }
    #expect(quoted?.problems == ["line 2 has a quote that does not end"])
  }

  @Test func whatIsMissingIsNamed() throws {
    let folder = try TemporaryFolder()
    let soups = try folder.write(Self.good.replacing("a,b,50,60,71.2,1.04,50,2\n", with: ""), to: "s.csv")
    let alike = try folder.write("key_a,key_b,kl\nb,c,0.5\n", to: "k.csv")
    let table = try PairTableFile.read(soups, similarities: alike)
    #expect(table.missingPairs == ["b and a"] && table.missing == 1)
    #expect(table.pairsWithoutSimilarity == ["c and a"])
  }

  @Test func soupsOfALandscapeAreRead() throws {
    let folder = try TemporaryFolder()
    let header = "a,b,alpha,top1_a,loss_a,top1_b,loss_b,top1,loss,over_mean,over_best,over_best_p\n"
    let rows = [
      "x,y,0.25,0.9,0.3,0.8,0.4,0.7,0.5,0,0,1", "x,y,0.5,0.9,0.3,0.8,0.4,0.91,0.25,0,0,1",
      "x,z,0.5,0.9,0.3,0.85,0.4,0.89,0.35,0,0,1",
    ]
    let table = try PairTableFile.read(folder.write(header + rows.joined(separator: "\n"), to: "p.csv"))
    #expect(table.models.map(\.name) == ["x", "y", "z"] && table.pairs.count == 2 && table.missing == 1)
    let gains = table.pairs.map { SoupGain(.accuracy).value($0, in: table)! }
    #expect(abs(gains[0] - 1) < 1e-9 && abs(gains[1] + 1) < 1e-9)
    let other = rows[2].replacing("0.9,0.3", with: "0.95,0.3")
    let text = header + [rows[1], other, rows[1]].joined(separator: "\n")
    let error = #expect(throws: ReportError.self) { try PairTableFile.read(folder.write(text, to: "q.csv")) }
    #expect(
      error?.problems == ["line 3: x has other scores than before", "line 4: x and y are there twice"])
  }

  /// The published tables, where a folder holds them.
  @Test(.enabled(if: tastyFolder != nil))
  func thePublishedTablesGiveThePublishedNumbers() throws {
    let folder = try #require(tastyFolder)
    let table = try PairTableFile.read(
      folder + "/pair_soups.csv", similarities: folder + "/pair_similarities.csv")
    let analysis = try PairAnalysis(table)
    #expect(analysis.pairs == 5356 && analysis.positive == 591 && analysis.collapsed == 1889)
    #expect(analysis.correlations.positives == [510, 591] && analysis.transitivity?.triangles == 182_104)
    let rows = Dictionary(uniqueKeysWithValues: analysis.correlations.rows.map { ($0.measure, $0) })
    #expect(abs(rows["l2_distance"]!.all[0].coefficient + 0.930544) < 5e-7)
    #expect(abs(rows["cka_features"]!.positive[0].coefficient + 0.173422) < 5e-7)
    // scikit-learn's four starts end at 652.354.
    #expect(try #require(analysis.embedding).stress < 652.4)
  }
}

import Foundation
import SoupReports
import Testing

/// Numbers of the paper's repository, computed from it with other software.
@Suite struct PublishedTableTests {
  /// held-out, ImageNet, V2, Sketch, R, ObjectNet, A, mean of the five shifts.
  static let expected: [(String, [Double])] = [
    ("model_0", [0.78081, 0.75574, 0.6409, 0.40529, 0.62237, 0.42317, 0.26573, 0.47149]),
    ("model_43", [0.83050, 0.80386, 0.6844, 0.44511, 0.60627, 0.42619, 0.23640, 0.47967]),
    ("uniform_soup", [0.82704, 0.79972, 0.6851, 0.47706, 0.66540, 0.45951, 0.29173, 0.51576]),
    ("greedy_soup", [0.83977, 0.81026, 0.6955, 0.47775, 0.64203, 0.44896, 0.27893, 0.50863]),
    ("ensemble", [0.83812, 0.81188, 0.6950, 0.46338, 0.65377, 0.45801, 0.27360, 0.50875]),
  ]

  @Test func theHeadlineIsThePapers() throws {
    let table = try publishedTable()
    #expect(
      table.sets == ["ImageNet2p", "ImageNet", "ImageNetV2", "ImageNetSketch", "ImageNetR", "ObjectNet", "ImageNetA"])
    let rows = table.headline
    #expect(rows.map(\.name) == Self.expected.map(\.0))
    for (row, expected) in zip(rows, Self.expected) {
      let values = table.sets.map { row.accuracy(on: $0) } + [table.shiftAccuracy(of: row)]
      for (value, number) in zip(values, expected.1) { #expect(abs(try #require(value) - number) < 6e-6) }
    }
  }

  @Test func theBestOfEachShiftIsNotTheBestOnHeldOutImages() throws {
    let table = try publishedTable()
    let oracle = [
      "ImageNetV2": 0.6860, "ImageNetR": 0.64447, "ImageNetSketch": 0.45059, "ObjectNet": 0.47222, "ImageNetA": 0.31613,
    ]
    for (set, value) in oracle {
      let best = table.singles.compactMap { $0.accuracy(on: set) }.max()
      #expect(abs(try #require(best) - value) < 6e-6, "\(set)")
    }
  }

  /// What makes the numbers of images trustworthy: at these, and only at these, every accuracy is a whole number of answers.
  @Test func everyAccuracyIsAWholeNumberOfRightAnswers() throws {
    for model in try publishedTable().models {
      #expect(model.scores.count == 7)
      for (set, score) in model.scores {
        let right = score.accuracy * Double(try #require(score.count))
        #expect(abs(right - right.rounded()) < 1e-6, "\(model.name) on \(set)")
      }
    }
  }

  @Test func soupsAndEnsembleComeAfterSingleModelsWhateverTheOrderOfFiles() throws {
    let names = ["ensemble", "greedy_soup", "uniform_soup", "individual_model"]
    let table = try PublishedTable.read(names.map { fixture("model-soups/\($0)_results.jsonl") })
    #expect(table.headline.map(\.name) == Self.expected.map(\.0))
    #expect(
      table.headline.map { table.kind(of: $0) }
        == [.base, .best, .mixture("uniform"), .mixture("greedy"), .mixture("ensemble")])
  }

  @Test func everyBrokenLineIsNamed() throws {
    let folder = try TemporaryFolder()
    let lines = #"""
      {"ImageNet": 0.5}
      {"model_name": "a", "ImageNet": 1.5}

      {"model_name": "b", "ImageNet": 0.5}
      {"model_name": "b", "ImageNet": 0.5}
      {"model_name": "c"}
      """#
    let error = #expect(throws: ReportError.self) { try PublishedTable.read([folder.write(lines, to: "r.jsonl")]) }
    let problems = try #require(error).problems
    #expect(error?.code == .format && problems.count == 5)
    for part in ["no \"model_name\"", "1.5", "(a) has no scores", "'b' was there", "(c) has no scores"] {
      #expect(problems.contains { $0.contains(part) }, "\(part)")
    }
    let other = #expect(throws: ReportError.self) { try PublishedTable.read([folder.write("[1]\n{\n", to: "x")]) }
    #expect(other?.problems == ["line 1 is no JSON object", "line 2 is no JSON object"])
    #expect(throws: ReportError.self) { try PublishedTable.read([folder["absent"]]) }
    #expect(throws: ReportError.self) { try PublishedTable.read([folder.write("\n", to: "empty")]) }
  }

  @Test func hyperparametersJoinTheirModels() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      #"{"model_0": {"info": "LP"}, "model_1": {"lr": 6e-6, "aug": "rand-m12-n1"}, "model_3": {"lr": 1e-5, "aug": null}}"#,
      to: "h.json")
    let table = try PublishedTable.read([fixture("model-soups/individual_model_results.jsonl")], hyperparameters: path)
    let values = Dictionary(uniqueKeysWithValues: table.models.map { ($0.name, $0.hyperparameters) })
    #expect(values["model_0"] == [:])
    #expect(values["model_1"] == ["learning rate": 6e-6, "RandAugment magnitude": 12])
    #expect(values["model_3"] == ["learning rate": 1e-5, "RandAugment magnitude": 0])
  }
}

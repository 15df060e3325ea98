import Foundation
import Testing

@Suite struct AnalyzeCommandTests {
  static let files = ["individual_model", "uniform_soup", "greedy_soup", "ensemble"].map {
    fixture("model-soups/\($0)_results.jsonl")
  }

  @Test func thePublishedTableGivesThePapersRows() throws {
    let result = try SoupProgram.run(SoupProgram.path, ["analyze", "model-soups"] + Self.files, in: nil)
    #expect(result.status == 0 && result.errors.isEmpty)
    let rows = result.output.split(separator: "\n").map { $0.split(separator: " ").suffix(9).map(String.init) }
    // held-out, ImageNet, V2, Sketch, R, ObjectNet, A, mean of shifts, passes
    #expect(rows[2] == ["83.05", "80.39", "68.44", "44.51", "60.63", "42.62", "23.64", "47.97", "1"])
    #expect(rows[3] == ["82.70", "79.97", "68.51", "47.71", "66.54", "45.95", "29.17", "51.58", "1"])
    #expect(rows[4] == ["83.98", "81.03", "69.55", "47.77", "64.20", "44.90", "27.89", "50.86", "1"])
    #expect(rows[5] == ["83.81", "81.19", "69.50", "46.34", "65.38", "45.80", "27.36", "50.88", "72"])
  }

  @Test func jsonCarriesTheSameNumbers() throws {
    let result = try SoupProgram.run(SoupProgram.path, ["analyze", "model-soups", "--json"] + Self.files, in: nil)
    let rows = try #require(result.outputJSON["rows"] as? [[String: Any]])
    #expect(rows.map { $0["model"] as? String } == ["model_0", "model_43", "uniform_soup", "greedy_soup", "ensemble"])
    #expect(abs(try #require(rows[3]["mean_shift"] as? Double) - 0.50863) < 6e-6)
    #expect(result.outputJSON["single_models"] as? Int == 72)
  }

  @Test func aPageIsWrittenAndSaysHow() throws {
    let folder = try TemporaryFolder()
    let arguments = ["analyze", "model-soups"] + Self.files + ["-o", folder["a b.html"]]
    let result = try SoupProgram.run(SoupProgram.path, arguments, in: nil)
    #expect(result.status == 0 && result.output.contains("a b.html: "))
    #expect(try folder.contents == ["a b-figures", "a b.html"])
    let page = try String(contentsOfFile: folder["a b.html"], encoding: .utf8)
    #expect(page.contains("soup analyze model-soups ") && page.contains("a b.html&#39;") && page.contains("model_43"))
  }

  @Test func mistakesAreNamed() throws {
    let absent = try SoupProgram.run("analyze", "model-soups", "absent.jsonl")
    #expect(absent.status == 1 && absent.errors.contains("absent.jsonl: cannot be read: No such file or directory"))
    #expect(try SoupProgram.run("analyze", "model-soups").status == 2)
    #expect(try SoupProgram.run("analyze", "model-soups", Self.files[0], "--no-figures").status == 2)
  }
}

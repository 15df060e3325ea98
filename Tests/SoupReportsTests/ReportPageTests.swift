import Foundation
import SoupReports
import Testing

@Suite struct ReportPageTests {
  static let hostile = "<script>alert('x')</script>\"'&</td>"

  static func hostileTable() -> ResultTable {
    var table = ResultTable(models: [], heldOut: "held", test: "test", shifts: ["<img src=x>"])
    for index in 0..<6 {
      table.models.append(
        EvaluatedModel(
          name: hostile + "\(index)", kind: index < 4 ? .ingredient : .mixture(hostile),
          scores: ["held", "test", "<img src=x>"].reduce(into: [:]) {
            $0[$1] = Measurement(accuracy: 0.5 + Double(index) / 50, count: 100)
          }, hyperparameters: ["<b>lr": .number(Double(index)), "name": .string(hostile)]))
    }
    return table
  }

  @Test func withoutARendererThePageHasTheTablesAndSaysWhatIsMissing() throws {
    let folder = try TemporaryFolder()
    let report = ModelSoupsReport.report(try publishedTable(), title: "Title", sources: ["a.jsonl"])
    let outcome = try ReportWriter(converter: nil).write(report, to: folder["r.html"], figuresIn: folder["figures"])
    #expect(outcome.figures == 0 && outcome.withoutFigures != nil)
    let page = try folder.text("r.html")
    #expect(page.contains("81.03") && page.contains("vl-convert") && !page.contains("<img"))
    #expect(try folder.text("figures/accuracy-versus-shift.csv").contains("greedy_soup,Greedy soup,81.026"))
    #expect(try folder.text("figures/headline.csv").contains("model_43"))
  }

  @Test func namesAreTextWhateverIsInThem() throws {
    let folder = try TemporaryFolder()
    var report = ModelSoupsReport.report(Self.hostileTable(), title: Self.hostile, sources: [Self.hostile])
    report.commands = [Self.hostile]
    report.missing.append(Self.hostile)
    _ = try ReportWriter(converter: VegaConverter.find(from: [FileManager.default.currentDirectoryPath])).write(
      report, to: folder["r.html"])
    let page = try folder.text("r.html")
    #expect(!page.contains("<script>alert") && !page.contains("<img src=x>") && !page.contains("<b>lr"))
    #expect(page.contains("&lt;script&gt;alert"))
    let opened = page.matches(of: #/<script[ >]/#).count
    #expect(opened == page.matches(of: #/</script>/#).count)
  }

  @Test(.enabled(if: VegaConverter.find(from: [FileManager.default.currentDirectoryPath]) != nil))
  func thePageHoldsEverythingAndReachesForNothing() throws {
    let folder = try TemporaryFolder()
    let converter = try #require(VegaConverter.find(from: [FileManager.default.currentDirectoryPath]))
    let report = ModelSoupsReport.report(try publishedTable(), title: "Title", sources: ["a.jsonl"])
    let outcome = try ReportWriter(converter: converter).write(report, to: folder["r.html"], figuresIn: folder["f"])
    #expect(outcome.figures == 3 && outcome.withoutFigures == nil)
    let page = try folder.text("r.html")
    let markup = page.replacing(#/<script[ >].*?</script>/#.dotMatchesNewlines(), with: "")
    for reference in markup.matches(of: #/(?:src|href|action|srcset|poster)\s*=\s*"([^"]{0,12})/#) {
      #expect(reference.1.hasPrefix("data:") || reference.1.hasPrefix("#"), "\(reference.0)")
    }
    #expect(!markup.contains("<link") && !markup.contains("@import") && !markup.contains("<iframe"))
    #expect(page.contains("default-src 'none'"))
    #expect(page.matches(of: #/<figure /#).count == 3 && page.matches(of: #/class="specification"/#).count == 3)
    for figure in report.figures {
      #expect(try folder.text("f/\(figure.id).svg").hasPrefix("<svg"))
      #expect(try Data(contentsOf: URL(filePath: folder["f/\(figure.id).png"])).starts(with: [0x89, 0x50, 0x4E, 0x47]))
      #expect(try Data(contentsOf: URL(filePath: folder["f/\(figure.id).pdf"])).starts(with: Data("%PDF".utf8)))
      #expect(try JSON(parsing: folder.text("f/\(figure.id).vl.json"))["datasets"] != nil)
    }
  }

  @Test func aFolderThatCannotBeWrittenIsAnErrorWithItsName() throws {
    let folder = try TemporaryFolder()
    let report = Report(title: "t", subtitle: "s")
    let error = #expect(throws: ReportError.self) {
      _ = try ReportWriter(converter: nil).write(report, to: folder["absent/r.html"])
    }
    #expect(error?.code == .file && error?.path == folder["absent/r.html"])
  }
}

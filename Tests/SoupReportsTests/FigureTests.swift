import Foundation
import SoupReports
import Testing

@Suite struct FigureTests {
  /// Every field that an encoding names is a column of its dataset, every dataset exists, every colour is in both themes.
  static func check(_ figure: Figure, _ place: SourceLocation = #_sourceLocation) {
    func walk(_ value: JSON, columns: Set<String>?) {
      switch value {
      case .string(let text) where text.hasPrefix("@"):
        let name = String(text.dropFirst())
        #expect(
          ChartTheme.light.colors[name] != nil && ChartTheme.dark.colors[name] != nil, "\(text)", sourceLocation: place)
      case .array(let values): for value in values { walk(value, columns: columns) }
      case .object(let members):
        var columns = columns
        if let data = members["data"] {
          if let name = data["name"]?.string {
            #expect(figure.tables[name] != nil, "dataset \(name)", sourceLocation: place)
            columns = Set(figure.tables[name]?.columns ?? [])
          } else {
            columns = Set(data["values"]?.array?.first?.object?.keys.map { $0 } ?? [])
          }
        }
        for step in members["transform"]?.array ?? [] {
          if let name = step["as"]?.string { columns?.insert(name) }
        }
        if let columns, let field = members["field"]?.string {
          #expect(columns.contains(field), "\(figure.id): field \(field)", sourceLocation: place)
        }
        for (key, value) in members where key != "datasets" { walk(value, columns: columns) }
      default: break
      }
    }
    walk(figure.specification, columns: nil)
    #expect(!figure.caption.isEmpty && !figure.alternative.isEmpty && !figure.tables.isEmpty, sourceLocation: place)
    #expect(figure.specification["layer"] != nil || figure.specification["mark"] != nil, sourceLocation: place)
    #expect(!figure.standalone(.light).text.contains("\"@"), sourceLocation: place)
  }

  @Test func thePapersFigureHasEveryModel() throws {
    let figure = try #require(AccuracyVersusShift.figure(publishedTable()))
    Self.check(figure)
    let data = try #require(figure.tables["data"])
    #expect(data.rows.count == 75)
    let greedy = try #require(data.rows.first { $0[0] == "greedy_soup" })
    #expect(
      greedy[1] == "Greedy soup" && abs(greedy[2].number! - 81.026) < 1e-9 && abs(greedy[5].number! - 50.8635) < 1e-3)
    // What is drawn large is drawn last.
    #expect(data.rows.suffix(5).map { $0[0] } == ["model_0", "model_43", "uniform_soup", "greedy_soup", "ensemble"])
  }

  @Test func everyFigureOfThePublishedTableIsSound() throws {
    let report = ModelSoupsReport.report(try publishedTable(), title: "t", sources: [])
    #expect(report.figures.map(\.id) == ["gain-per-set", "accuracy-versus-shift", "held-out-versus-test"])
    for figure in report.figures { Self.check(figure) }
    #expect(report.missing.contains { $0.contains("Hyperparameters") })
  }

  @Test func heldOutAndTestRankTheModelsAlike() throws {
    let figure = try #require(HeldOutVersusTest.figure(publishedTable()))
    // Spearman's rank correlation of the 72 models, from NumPy.
    #expect(figure.caption.contains("0.985"))
  }

  @Test func hyperparametersThatVaryGetAFigureEach() throws {
    var table = ResultTable(models: [], heldOut: "h", test: "t")
    for index in 1...4 {
      table.models.append(
        EvaluatedModel(
          name: "m\(index)", kind: .ingredient, scores: ["t": Measurement(accuracy: 0.8 + Double(index) / 100)],
          hyperparameters: [
            "lr": .number(pow(10, -Double(index))), "augment.kind": index > 2 ? "flip" : "none", "epochs": 3,
          ]))
    }
    let figures = HyperparameterFigures.figures(table)
    #expect(figures.map(\.id) == ["hyperparameter-augment-kind", "hyperparameter-lr"])
    for figure in figures { Self.check(figure) }
    #expect(figures[1].specification["encoding"]?["x"]?["scale"]?["type"] == "log")
  }
}

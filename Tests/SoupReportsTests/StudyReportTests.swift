import Foundation
import SoupReports
import Testing

@Suite struct StudyReportTests {
  static let sets = #"""
    {"record":"study","schema":1,"name":"sweep","soup":"0.1.0","seed":3,"data":"fashion-mnist","yaml":"name: <sweep>\n","runs":{"done":2},"seconds":90,"sets":[{"set":"images","split":"held-out","selection":true},{"set":"images","split":"test"},{"set":"blur","split":"test","shift":true}]}
    """#

  /// Four ingredients, their greedy soup and their ensemble on three sets.
  static func study() -> String {
    var lines = [sets]
    func model(_ name: String, _ role: String, _ extra: String, _ right: [Int]) {
      lines.append(#"{"record":"model","model":"\#(name)","role":"\#(role)"\#(extra)}"#)
      let sets = [
        #""set":"images","split":"held-out""#, #""set":"images","split":"test""#,
        #""set":"blur","split":"test","shift":true"#,
      ]
      for (set, right) in zip(sets, right) {
        lines.append(
          #"{"record":"score","model":"\#(name)",\#(set),"count":1000,"correct":\#(right),"top1":\#(Double(right) / 1000),"loss":0.25,"ece":0.02}"#
        )
      }
    }
    model("base", "base", "", [890, 885, 780])
    for (index, right) in [[910, 905, 800], [912, 901, 790], [905, 903, 805], [899, 890, 770]].enumerated() {
      model(
        "ingredient-0\(index)", "ingredient", #","hyperparameters":{"lr":\#(pow(10, -Double(index))),"epochs":2}"#,
        right)
    }
    model(
      "greedy", "soup", #","method":"greedy","members":["ingredient-00","ingredient-01"],"passes":1"#, [920, 915, 815])
    model("ensemble", "ensemble", #","method":"ensemble","passes":4"#, [918, 918, 812])
    for position in 1...4 {
      lines.append(
        #"{"record":"greedy","model":"greedy","position":\#(position),"candidate":"ingredient-0\#(position)","metric":"top1","score":\#(0.91 + 0.001 * Double(position)),"own":0.91,"accepted":\#(position != 3)}"#
      )
    }
    for ingredient in 0..<4 {
      lines.append(
        #"{"record":"coefficient","model":"learned","ingredient":"ingredient-0\#(ingredient)","value":0.25}"#)
      for tensor in ["a.weight", "b.weight"] {
        lines.append(
          #"{"record":"coefficient","model":"layerwise","ingredient":"ingredient-0\#(ingredient)","tensor":"\#(tensor)","value":0.25}"#
        )
      }
    }
    for alpha in stride(from: 0, through: 1, by: 0.25) {
      lines.append(
        #"{"record":"line","name":"l","from":"a","to":"b","alpha":\#(alpha),"set":"images","top1":\#(0.9 - 0.4 * alpha * (1 - alpha)),"loss":\#(0.3 + alpha * (1 - alpha))}"#
      )
    }
    for x in 0..<4 {
      for y in 0..<4 {
        lines.append(
          #"{"record":"plane","name":"p","x":\#(x),"y":\#(Double(y) / 2),"set":"images","top1":\#(0.8 + 0.01 * Double(x * y)),"loss":0.3}"#
        )
      }
    }
    lines.append(#"{"record":"mark","name":"p","model":"base","x":0,"y":0}"#)
    for (a, b) in [(1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (0.5, 0.5), (0.5, 0.0), (0.0, 0.5)] {
      lines.append(
        #"{"record":"simplex","name":"s","a":\#(a),"b":\#(b),"c":\#(1 - a - b),"set":"images","top1":\#(0.9 + a * b)}"#)
    }
    lines.append(#"{"record":"mark","name":"s","model":"first","a":1,"b":0,"c":0}"#)
    for step in [10, 20, 30] {
      lines.append(
        #"{"record":"training","model":"ingredient-00","event":"train","step":\#(step),"loss":\#(1.0 / Double(step))}"#)
      lines.append(#"{"record":"training","model":"ingredient-00","event":"held-out","step":\#(step),"top1":0.9}"#)
    }
    lines.append(
      #"{"record":"run","run":"base","kind":"train","state":"done","command":["soup","train","--lr","0.1"]}"#)
    lines.append(
      #"{"record":"run","run":"x","kind":"mix","state":"failed","command":["soup","mix","a b"],"error":"no space"}"#)
    lines.append(#"{"record":"something new","value":1}"#)
    return lines.joined(separator: "\n") + "\n"
  }

  static func records(_ text: String, _ name: String = "study.jsonl") throws -> StudyRecords {
    let folder = try TemporaryFolder()
    var records = StudyRecords()
    try records.read(folder.write(text, to: name))
    return records
  }

  @Test func everyFigureIsThereAndSound() throws {
    let report = try StudyReport.report(Self.records(Self.study()), sources: ["study.jsonl"])
    #expect(
      report.figures.map(\.id) == [
        "gain-per-set", "accuracy-versus-shift", "held-out-versus-test", "hyperparameter-lr", "greedy-path-greedy",
        "coefficients-learned", "coefficients-layerwise", "line-l-top1", "line-l-loss", "plane-p-images-top1",
        "plane-p-images-loss", "simplex-s-images-top1", "training-train-loss", "training-held-out-top1",
      ])
    for figure in report.figures { FigureTests.check(figure) }
    #expect(report.title == "sweep" && report.commands == ["soup train --lr 0.1", "soup mix 'a b'"])
    #expect(report.missing.map { $0.prefix(6) } == ["Corrup", "Angles", "Soup a", "x fail"])
  }

  @Test func theTableKnowsWhatEachSetIsFor() throws {
    let report = try StudyReport.report(Self.records(Self.study()), sources: [])
    let table = try #require(report.sections.first?.tables.first)
    #expect(table.columns == ["model", "images, held-out", "images, test", "blur", "test loss", "test ECE", "passes"])
    #expect(table.rows.map(\.name) == ["Initialisation", "Best single model", "Greedy soup", "Ensemble"])
    #expect(table.rows[1].note == "ingredient-01" && table.rows[2].note == "2 models")
    // Wilson's interval of 915 in 1000, half width 1.73 points.
    #expect(table.rows[2].cells[1].text == "91.50" && table.rows[2].cells[1].note == "±1.73")
    #expect(report.findings.map(\.name) == ["Greedy soup", "Ensemble"])
    #expect(
      report.findings[0].text
        == "+1.40 points on images, test (not told apart) and +2.50 points on blur (not told apart)")
  }

  @Test func aBarrierIsMeasuredFromTheChord() throws {
    let report = try StudyReport.report(Self.records(Self.study()), sources: [])
    let figures = report.figures.filter { $0.id.hasPrefix("line-") }
    #expect(figures[0].caption.contains("10.00 points") && figures[1].caption.contains("0.2500 nats"))
  }

  @Test func gainsArePairedWhereTheyAreMeasured() throws {
    let paired =
      #""against_best":{"difference":0.014,"interval":{"lower":0.002,"upper":0.026,"level":0.95},"p_value":0.021,"won":20,"lost":6,"best":"ingredient-01"},"top1":0.915"#
    let text = Self.study().replacing(#""top1":0.915"#, with: paired)
    let report = try StudyReport.report(Self.records(text), sources: [])
    let table = report.sections[0].tables[0]
    let column = try #require(table.columns.firstIndex(of: "gain on images, test"))
    let cell = table.rows[2].cells[column - 1]
    #expect(cell.text == "+1.40" && cell.note == "+0.20 to +2.60\np = 0.021")
    #expect(table.data.columns.contains("gain on images, test p"))
    #expect(report.findings[0].text.hasPrefix("+1.40 points on images, test (+0.20 to +2.60, p = 0.021) and"))
    #expect(report.figures.first?.id == "gain-per-set")
  }

  @Test func corruptionsAnglesAndApproximationsHaveFigures() throws {
    var lines = [Self.study()]
    for model in ["ingredient-01", "greedy", "ensemble"] {
      for corruption in ["gaussian_noise", "fog"] {
        for severity in [1, 5] {
          lines.append(
            #"{"record":"corruption","model":"\#(model)","set":"blur","corruption":"\#(corruption)","severity":\#(severity),"count":100,"top1":\#(model == "greedy" ? 0.75 : 0.7)}"#
          )
        }
      }
    }
    for (index, angle) in [50, 60, 70].enumerated() {
      lines.append(
        #"{"record":"angles","name":"angles","a":"x","b":"y\#(index)","angle":\#(angle),"advantage":\#(0.001 * Double(index)),"advantage_low":-0.001,"advantage_high":0.004}"#
      )
    }
    for step in 1...3 {
      lines.append(
        #"{"record":"approximation","name":"pair","alpha":\#(Double(step) / 4),"beta":1,"estimate":\#(0.01 * Double(step)),"difference":\#(0.02 * Double(step)),"curvature_term":0.1,"variance_term":-0.09}"#
      )
    }
    lines.append(
      #"{"record":"barrier","name":"l","metric":"loss","height":0.25,"alpha":0.5,"interval":{"lower":0.2,"upper":0.3}}"#
    )
    let report = try StudyReport.report(Self.records(lines.joined(separator: "\n")), sources: [])
    for figure in report.figures { FigureTests.check(figure) }
    let figures = Dictionary(uniqueKeysWithValues: report.figures.map { ($0.id, $0) })
    #expect(figures["corruptions-blur"]?.tables["data"]?.rows.count == 4)
    // Five points better on all four.
    let gain = try #require(figures["corruption-gain-blur"])
    #expect(gain.caption.contains("above 0 in 4 of 4"))
    #expect(gain.tables["data"]!.rows.allSatisfy { abs($0[3].number! - 5) < 1e-9 })
    #expect(figures["corruption-models-blur"]?.tables["data"]?.rows.count == 2 * 2)
    // Three points in one order: rank correlation 1. Proportional values: Pearson's is 1.
    #expect(figures["angles-angles"]?.caption.contains("3 pairs is 1.00") == true)
    #expect(figures["soup-versus-ensemble"]?.caption.contains("is 1.000 over 3 points") == true)
    #expect(figures["approximation-pair"]?.tables["data"]?.rows.count == 4 * 3)
    #expect(figures["line-l-loss"]?.caption.contains("0.2500 nats (95 %: 0.2000 nats to 0.3000 nats)") == true)
  }

  @Test func candidatesThatWereLeftEarlyAreShown() throws {
    let steps = [
      #"{"record":"greedy","model":"g","position":1,"candidate":"a","metric":"top1","score":0.9,"own":0.9,"accepted":true}"#,
      #"{"record":"greedy","model":"g","position":2,"candidate":"b","metric":"top1","own":0.89,"accepted":false,"images":640}"#,
      #"{"record":"greedy","model":"g","position":3,"candidate":"c","metric":"top1","score":0.91,"own":0.88,"accepted":true}"#,
    ]
    let report = try StudyReport.report(Self.records(steps.joined(separator: "\n")), sources: [])
    let figure = try #require(report.figures.first { $0.id == "greedy-path-g" })
    #expect(figure.tables["data"]?.rows.count == 3 && figure.caption.contains("2 of 3 were kept"))
    #expect(figure.tables["data"]?.rows[1][2] == "Left early: could not win")
  }

  @Test func whatIsMissingIsLeftOutAndNamed() throws {
    let report = try StudyReport.report(Self.records(Self.sets), sources: [])
    #expect(report.figures.isEmpty && report.missing.count >= 8)
    #expect(throws: ReportError.self) { try StudyReport.report(StudyRecords(), sources: ["x"]) }
  }

  @Test func logsTracesAndLandscapesAreToldApart() throws {
    let log = try Self.records(#"{"event":"train","step":20,"loss":0.5}"# + "\n", "7.jsonl")
    #expect(log["training"].first?["model"] == "7")
    let trace = try Self.records(
      #"{"output":"s","evaluations":3,"result":{"metric":"top1","ingredients":[{"path":"r/a.st","score":{"top1":0.9}},{"path":"r/b.st","score":{"top1":0.8}}],"steps":[{"candidate":"r/b.st","score":{"top1":0.91},"accepted":true}],"kept":[]}}"#,
      "greedy.json")
    #expect(trace["greedy"].map { $0["candidate"] } == ["a", "b"])
    #expect(trace["greedy"].last?["own"] == 0.8 && trace["greedy"].last?["score"] == 0.91)
    let plane = try Self.records(
      "x,y,model,top1,loss\n0,0,base,0.9,0.3\n1,0,1,0.9,0.3\n0.5,0.5,,0.91,0.29\n", "plane.csv")
    #expect(plane["mark"].map { $0["model"] } == ["base", "1"] && plane["plane"].count == 1)
    let line = try Self.records("alpha,top1\n0,0.9\n1,0.8\n", "line.csv")
    #expect(line["line"].count == 2)
    let angles = try Self.records("a,b,angle,advantage\n1,2,60,0.01\n", "angles.csv")
    #expect(angles["angles"].first?["a"] == "1" && angles["angles"].first?["angle"] == 60)
    let approximation = try Self.records("alpha,difference,estimate\n0.5,1,2\n", "approximation.csv")
    #expect(approximation["approximation"].count == 1)
    #expect(throws: ReportError.self) { try Self.records("u,v\n1,2\n", "other.csv") }
    #expect(throws: ReportError.self) { try Self.records("x,y\n1\n", "short.csv") }
    #expect(throws: ReportError.self) { try Self.records("{\"a\":1}\n", "other.jsonl") }
  }
}

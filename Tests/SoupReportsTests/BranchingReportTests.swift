import Foundation
import SoupReports
import Testing

/// Reports on branching studies and on recipes over seeds, from their records.
@Suite struct BranchingReportTests {
  static func records(_ lines: [JSON]) -> StudyRecords {
    var records = StudyRecords()
    records.add(lines)
    return records
  }

  /// Two policies of batch norm over 3 branch points of 2 variants: `average` collapses where branches parted early.
  static func branching() -> StudyRecords {
    var lines: [JSON] = [
      ["record": "study", "name": "tasty", "seed": 1], ["record": "model", "model": "base", "role": "base"],
    ]
    for epoch in 1...5 {
      lines.append([
        "record": "training", "model": "base", "event": "held-out", "epoch": .number(Double(epoch)),
        "top1": .number(0.8 + Double(epoch) / 50),
      ])
    }
    let models = [2, 4, 6].flatMap { epoch in [1, 2].map { (name: "branch-\(epoch)-\($0)", epoch: epoch, variant: $0) }
    }
    for policy in ["recompute", "average"] {
      for (index, a) in models.enumerated() {
        for b in models[index...] {
          let early = min(a.epoch, b.epoch) == 2 && a.name != b.name
          let accuracy =
            a.name == b.name
            ? 90.0 : early ? (policy == "average" ? 20 : 80 + 11 * Double(a.variant == b.variant ? 1 : 0)) : 91
          var line: JSON = [
            "record": "pair", "name": .string(policy), "key_a": .string(a.name), "key_b": .string(b.name),
            "clean_accuracy": .number(accuracy), "clean_loss": .number((100 - accuracy) / 30),
            "branch_epoch_a": .number(Double(a.epoch)), "branch_epoch_b": .number(Double(b.epoch)),
            "variant_a": .number(Double(a.variant)), "variant_b": .number(Double(b.variant)),
          ]
          if a.name != b.name { line["similarities"] = ["l2_distance": .number(early ? 9 : 3 + Double(index))] }
          lines.append(line)
        }
      }
    }
    return records(lines)
  }

  /// Of 9 early pairs all collapse with averaged statistics, none with recomputed ones, and those of one variant gain.
  @Test func recomputedBatchNormIsComparedPairByPair() throws {
    let report = try StudyReport.report(Self.branching(), sources: ["runs/tasty"])
    let finding = try #require(report.findings.first { $0.name.hasPrefix("Batch norm") })
    #expect(finding.text.contains("9 of 9 (95 %: 70 to 100 %) collapses are none any more"))
    #expect(finding.text.contains("4 of 9"))
    #expect(finding.text.contains("6 with averaged, 10 with recomputed, of 15"))
    let ids = report.figures.map(\.id)
    #expect(ids.contains("policy-recomputed") && ids.contains("policy-chance-recomputed") && ids.contains("trunk"))
    #expect(
      ids.contains("gain-by-shared-training") && ids.contains("gain-against-l2-distance") && ids.contains("variants"))
    for figure in report.figures { FigureTests.check(figure) }
    let table = try #require(report.sections.flatMap(\.tables).first { $0.id == "batch-norm-table" })
    #expect(table.rows.map(\.name) == ["averaged", "recomputed"])
    #expect(table.rows[1].cells.map(\.text) == ["15", "0", "10", "9", "4", "0"])
    // Collapsed: below half of the models' mean accuracy.
    #expect(report.findings.first?.text.contains("9 soups have collapsed below 45 %") == true)
  }

  /// A study of recipes under a seed: the Self-Soup is `gap` better than the supervised one on shifted images.
  static func recipes(_ seed: Int, gap: Double) -> StudyRecords {
    let sets: [JSON] = [
      ["set": "test", "split": "test", "shift": false, "selection": false],
      ["set": "noise", "split": "test", "shift": true, "selection": false],
    ]
    var lines: [JSON] = [
      ["record": "study", "name": "self", "seed": .number(Double(seed)), "sets": .array(sets)],
      ["record": "model", "model": "ssl-mae", "role": "stage", "hyperparameters": ["objective": "mae"]],
      ["record": "model", "model": "mae-1", "role": "ingredient"],
      ["record": "model", "model": "mae-2", "role": "ingredient"],
    ]
    func score(_ model: String, _ clean: Double, _ shifted: Double) {
      for (set, value) in [("test", clean), ("noise", shifted)] {
        lines.append([
          "record": "score", "model": .string(model), "set": .string(set), "split": "test",
          "shift": .bool(set == "noise"),
          "top1": .number(value), "count": 1000,
        ])
      }
      for (index, name) in ["fog", "snow"].enumerated() {
        lines.append([
          "record": "corruption", "model": .string(model), "set": "noise", "corruption": .string(name), "severity": 3,
          "top1": .number(shifted + Double(index) / 50),
        ])
      }
    }
    score("mae-1", 0.8, 0.6)
    score("mae-2", 0.81, 0.61)
    for step in 0..<4 {
      lines.append([
        "record": "training", "model": "ssl-mae", "event": "train", "step": .number(Double(step)),
        "loss": .number(1 / Double(step + 1)),
      ])
    }
    for recipe in ["supervised", "self-soup"] {
      for mix in ["best", "greedy", "uniform"] {
        let name = "\(recipe)-\(mix)"
        lines.append([
          "record": "model", "model": .string(name), "role": mix == "best" ? "best" : "soup", "method": .string(mix),
          "members": ["mae-1", "mae-2"],
        ])
        score(name, 0.82, 0.62 + (recipe == "self-soup" ? gap : 0))
      }
    }
    // A step on the way is no recipe.
    lines.append(["record": "model", "model": "continued-each-mae", "role": "soup", "method": "uniform"])
    score("continued-each-mae", 0.8, 0.6)
    for (ingredient, share) in [("mae-1", 0.3), ("mae-2", 0.7)] {
      lines.append([
        "record": "coefficient", "model": "self-soup-greedy", "ingredient": .string(ingredient),
        "value": .number(share),
      ])
    }
    lines.append([
      "record": "contrast", "model": "self-soup-uniform", "against": "supervised-uniform", "set": "noise",
      "seed": .number(Double(seed)), "difference": .number(gap),
      "interval": ["lower": .number(gap - 0.02), "upper": .number(gap + 0.02), "level": 0.95],
    ])
    return records(lines)
  }

  /// Three seeds with differences 1, 2 and 3 points: mean 2, Student's t with two degrees of freedom, 2 ± 4.30265 / √3.
  @Test func recipesAreAveragedOverSeeds() throws {
    let gaps = [0.01, 0.02, 0.03]
    let studies = gaps.enumerated().map { Self.recipes($0.offset, gap: $0.element) }
    let report = try StudyReport.report(studies[0], others: Array(studies[1...]), sources: ["a", "b", "c"])
    let table = try #require(report.sections.flatMap(\.tables).first { $0.id == "recipes" })
    #expect(table.rows.map(\.name) == ["Supervised", "", "", "Self soup", "", ""])
    #expect(table.rows.map { $0.cells[0].text } == ["best", "greedy", "uniform", "best", "greedy", "uniform"])
    #expect(table.columns == ["recipe", "mix", "test", "noise"])
    #expect(table.rows[5].cells.map(\.text) == ["uniform", "82.00", "64.00"] && table.rows[5].cells[2].note == "±2.48")
    #expect(table.rows[5].cells[2].isBest && table.caption.contains("3 seeds"))
    let finding = try #require(report.findings.first { $0.name == "self-soup-uniform" })
    #expect(
      finding.text.contains(
        "+2.00 points over supervised-uniform on noise (−0.48 to +4.48, over 3 seeds: not told apart)"))
    let ids = report.figures.map(\.id)
    for id in ["contrasts", "recipes-by-set", "recipes-by-corruption-noise", "objective-mae"] {
      #expect(ids.contains(id), "\(id)")
    }
    for figure in report.figures { FigureTests.check(figure) }
    let bars = try #require(report.figures.first { $0.id == "recipes-by-corruption-noise" }?.tables["data"])
    #expect(bars.rows.count == 2 && bars.rows.allSatisfy { abs(($0[2].number ?? 0) - 2) < 1e-9 })
  }

  /// One seed says nothing of how training varies, and the page says so.
  @Test func oneSeedHasIntervalsOverImages() throws {
    let report = try StudyReport.report(Self.recipes(0, gap: 0.03), sources: ["a"])
    let table = try #require(report.sections.flatMap(\.tables).first { $0.id == "recipes" })
    #expect(table.caption.contains("one seed") && !table.rows[0].cells[1].note.isEmpty)
    let finding = try #require(report.findings.first { $0.name == "self-soup-uniform" })
    #expect(
      finding.text.contains("+3.00 points") && finding.text.contains("one seed")
        && !finding.text.contains("not told apart"))
    for figure in report.figures { FigureTests.check(figure) }
  }
}

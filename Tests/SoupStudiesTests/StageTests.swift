import Foundation
import SoupStudies
import Testing

/// Ingredients in stages: every model of one stage, trained on by every setting of the next.
@Suite struct StageTests {
  private static let yaml = """
    seed: 1
    data: mnist:/data
    options: {train: {precision: bf16}, probe: {epochs: 20}}
    base: {checkpoint: mae.safetensors}
    stages:
      probed: {command: probe}
      supervised:
        from: probed
        search: grid
        settings: &tune {epochs: 2, lr: {choice: [0.1, 0.2]}}
      mae: {from: probed, search: grid, settings: {objective: mae, split: test, subset: even, shift: cifar-c, lr: {choice: [1, 2, 3]}}}
      moco: {from: probed, settings: {objective: mocov3}}
      tuned: {from: [mae, moco], search: grid, settings: *tune}
    soups:
      best: {of: supervised}
      supervised-uniform: {method: uniform, of: supervised}
      continued-each: {method: uniform, of: tuned, each: true}
      continued: {method: best, of: continued-each}
      self: {method: greedy, of: tuned}
      plain: {method: self, of: [mae, moco]}
    evaluate:
      held-out:
      disjoint: {shift: cifar-c, subset: odd}
      neighbours: {knn: true, of: [mae, moco-missing, plain]}
    contrasts: [[self, supervised-uniform], [self, best]]
    """

  private func graph() throws -> StudyGraph {
    try StudyFile(yaml: Self.yaml.replacingOccurrences(of: "moco-missing", with: "moco")).graph()
  }

  private func text(_ run: RunSpecification?) -> String {
    (run?.words ?? []).compactMap { if case .text(let text) = $0 { text } else { nil } }.joined(separator: " ")
  }

  @Test func everyModelOfAStageIsTrainedOnByEverySettingOfTheNext() throws {
    let graph = try graph()
    let trained = graph.models.filter { $0.role == .ingredient }.map(\.name)
    #expect(
      trained == ["supervised-01", "supervised-02"]
        + ["mae-01", "mae-02", "mae-03", "moco"].flatMap { ["tuned-\($0)-01", "tuned-\($0)-02"] })
    #expect(
      graph.models.filter { $0.role == .stage && $0.method == nil }.map(\.name) == [
        "probed", "mae-01", "mae-02", "mae-03", "moco",
      ])
    #expect(text(graph["probed"]) == "probe --data mnist:/data --epochs 20 --seed 1001 -o --json")
    #expect(graph["probed"]!.kind == .probe && graph["probed"]!.words.contains(.file("mae.safetensors")))
    #expect(graph["mae-02"]!.needs == ["probed"])
    #expect(
      text(graph["mae-02"])
        == "train --data mnist:/data --from --precision bf16 --objective mae --split test --subset even --shift cifar-c "
        + "--lr 2 --seed 1002 -o --json")
    #expect(graph["tuned-moco-02"]!.needs == ["moco"] && text(graph["tuned-moco-02"]).contains("--epochs 2 --lr 0.2"))
    let seeds = graph.models.filter { $0.name.hasPrefix("tuned") }.compactMap { $0.value(of: "seed") }
    #expect(Set(seeds).count == 8)
  }

  @Test func soupsNameStagesAndTheGroupsInThem() throws {
    let graph = try graph()
    #expect(graph["supervised-uniform"]!.needs == ["supervised-01", "supervised-02"])
    #expect(graph["self"]!.needs.count == 8)
    // One soup for each inter-training, the best of them by held-out images.
    #expect(graph["continued-each-mae-02"]!.needs == ["tuned-mae-02-01", "tuned-mae-02-02"])
    #expect(
      graph["continued"]!.needs.filter { !$0.contains(".") }
        == ["mae-01", "mae-02", "mae-03", "moco"].map { "continued-each-\($0)" })
    #expect(graph["continued"]!.needs.filter { $0.contains(".") }.allSatisfy { $0.hasSuffix(".held-out") })
    #expect(graph.model("continued")!.role == .soup && graph.model("best")!.role == .best)
    #expect(graph["plain"]!.needs == ["mae-01", "mae-02", "mae-03", "moco"])
  }

  @Test func modelsAreScoredWhereTheScoreMeansSomething() throws {
    let graph = try graph()
    func scored(_ set: String) -> Set<String> { Set(graph.scorings.filter { $0.set == set }.map(\.model)) }
    // Encoders whose classifier is not theirs, soups of such, and candidates are left out.
    for name in ["base", "mae-01", "moco", "plain", "continued-each-moco"] {
      #expect(!scored("disjoint").contains(name))
    }
    for name in ["probed", "supervised-01", "tuned-moco-01", "continued", "self"] {
      #expect(scored("disjoint").contains(name))
    }
    #expect(scored("held-out").contains("continued-each-moco"))
    #expect(scored("neighbours") == ["mae-01", "mae-02", "mae-03", "moco", "plain"])
    #expect(text(graph["plain.neighbours"]).contains("--split test --knn"))
    #expect(text(graph["self.disjoint"]).contains("--shift cifar-c --subset odd"))
  }

  @Test func anotherStageLeavesDrawsAndIdentitiesAsTheyWere() throws {
    let yaml = """
      base: {model: x}
      stages:
        a: {count: 3, settings: {lr: {log-uniform: [0.01, 1]}}}
        b: {from: a, count: 2, settings: {lr: {log-uniform: [0.01, 1]}}}
      evaluate: [test]
      """
    func identities(_ yaml: String) throws -> [String: RunIdentity] {
      var identities: [String: RunIdentity] = [:]
      for run in try StudyFile(yaml: yaml).graph().runs {
        identities[run.name] = RunIdentity(run, identities: identities) { $0 }
      }
      return identities
    }
    let before = try identities(yaml)
    let after = try identities(
      yaml.replacingOccurrences(of: "  b:", with: "  c: {from: a, count: 1, settings: {lr: {uniform: [0, 1]}}}\n  b:"))
    for (name, identity) in before { #expect(after[name] == identity, "\(name)") }
    // The two settings of a stage are the same for every model that it starts from.
    let models = try StudyFile(yaml: yaml).graph().models
    func rate(_ name: String) -> String? { models.first { $0.name == name }?.value(of: "lr") }
    #expect(rate("b-a-01-02") == rate("b-a-03-02") && rate("b-a-01-01") != rate("b-a-01-02"))
  }

  @Test func whatIsWrongIsNamedWithItsLine() {
    let error = #expect(throws: StudyError.self) {
      try StudyFile(
        yaml: """
          base: {model: x}
          stages:
            a: {from: b}
            b: {settings: {lr: {uniform: [0, 1]}}}
            c: {command: teach}
            d: {form: a}
            e: {search: grid, settings: {lr: {uniform: [0, 1]}}}
          """)
    }
    for part in [
      "line 4: stages.b: lr vary", "line 5: stages.c.command: expected train or probe",
      "line 6: stages.d has no 'form'",
      "line 7: stages.e.settings.lr: a range in a grid needs 'points'",
    ] {
      #expect(error?.description.contains(part) == true, "\(part): \(error?.description ?? "")")
    }
    let order = #expect(throws: StudyError.self) {
      try StudyFile(yaml: "base: {model: x}\nstages:\n  a: {from: b}\n  b: {}\n")
    }
    #expect(order?.description.contains("line 3: stages.a.from: there is no stage 'b' before it") == true)
    let unknown = #expect(throws: StudyError.self) { try StudyFile(yaml: Self.yaml).graph() }
    #expect(unknown?.description.contains("'moco-missing'") == true)
    let contrast = #expect(throws: StudyError.self) {
      try StudyFile(yaml: Self.yaml.replacingOccurrences(of: "[self, best]", with: "[self, worst]")).graph()
    }
    #expect(contrast?.description.contains("no model 'worst'") == true)
  }

  /// 3 inter-trainings by 4 settings, 4 more of the shifted images by 4, and 4 supervised ones; the small one 3 by 3 and 3.
  @Test(arguments: [("self-soup", 4 + 12 + 16), ("self-soup-small", 3 + 9)])
  func theStudiesExpand(name: String, ingredients: Int) throws {
    let graph = try StudyFile(contentsOf: BranchingTests.studies + "/\(name).yaml").graph()
    #expect(graph.models.count { $0.role == .ingredient } == ingredients)
    #expect(graph.models.contains { $0.role == .best })
    #expect(graph["self-soup-uniform"] != nil && graph["continued-uniform"] != nil)
  }

  @Test func anotherSeedIsAnotherStudyInAFolderOfItsOwn() throws {
    let path = BranchingTests.studies + "/self-soup-small.yaml"
    let file = try StudyFile(contentsOf: path, overrides: StudyOverrides(seed: 2, values: ["data": "cifar10:/a b"]))
    #expect(file.seed == 2 && file.name == "self-soup-small-seed-2" && file.data == "cifar10:/a b")
    // What is kept of it says the same.
    #expect(try StudyFile(yaml: file.text).seed == 2)
    let plain = try StudyFile(yaml: "base: {model: x}\n", defaultName: "s")
    #expect(plain.seed == 0)
  }
}

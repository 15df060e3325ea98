import Foundation
import SoupStudies
import Testing

/// A study's file becomes runs.
@Suite struct ExpansionTests {
  @Test func aRandomSearchDrawsWithinItsSpace() throws {
    let graph = try StudyFile(
      yaml: """
        seed: 5
        base: {model: resnet20}
        ingredients:
          count: 200
          settings:
            lr: {log-uniform: [0.001, 0.1]}
            mixup: {choice: [0, {uniform: [0.1, 0.3]}]}
            epochs: {integer: [4, 16]}
            augment: {choice: [none, "crop=2,flip"]}
            nesterov: true
            batch-size: 128
        """
    ).graph()
    let ingredients = graph.models.filter { $0.role == .ingredient }
    #expect(ingredients.count == 200)
    let rates = ingredients.compactMap { $0.value(of: "lr").flatMap(Double.init) }
    #expect(rates.allSatisfy { (0.001...0.1).contains($0) } && Set(rates).count > 190)
    // Half of the draws below the geometric mean: 100 ± 4 standard deviations of 7.
    #expect(abs(rates.count { $0 < 0.01 } - 100) < 28)
    let mixups = ingredients.compactMap { $0.value(of: "mixup").flatMap(Double.init) }
    #expect(mixups.allSatisfy { $0 == 0 || (0.1...0.3).contains($0) } && abs(mixups.count { $0 == 0 } - 100) < 28)
    #expect(Set(ingredients.compactMap { $0.value(of: "epochs").flatMap { Int($0) } }) == Set(4...16))
    #expect(Set(ingredients.map { $0.value(of: "augment") }) == ["none", "crop=2,flip"])
    #expect(Set(ingredients.map { $0.value(of: "seed") }).count == 200)
    #expect(graph["ingredient-07"]!.words.contains(.text("--nesterov")))
    #expect(!graph["ingredient-07"]!.words.contains(.text("true")))
  }

  @Test func moreIngredientsAndFurtherSettingsLeaveEarlierDrawsAlone() throws {
    func rates(_ count: Int, _ more: String = "") throws -> [String?] {
      let yaml = """
        base: {model: resnet20}
        ingredients: {count: \(count), settings: {\(more)lr: {log-uniform: [0.001, 0.1]}}}
        """
      return try StudyFile(yaml: yaml).graph().models.dropFirst().map { $0.value(of: "lr") }
    }
    let few = try rates(5)
    #expect(Array(try rates(9).prefix(5)) == few)
    #expect(try rates(5, "weight-decay: {uniform: [0, 1]}, ") == few)
  }

  @Test func aGridIsTheProductOfItsSettings() throws {
    let graph = try StudyFile(
      yaml: """
        base: {checkpoint: base.safetensors}
        ingredients:
          search: grid
          repeats: 2
          settings:
            lr: {log-uniform: [0.001, 0.1], points: 3}
            augment: {choice: [none, flip]}
            epochs: 4
        """
    ).graph()
    let ingredients = graph.models.filter { $0.role == .ingredient }
    #expect(ingredients.count == 12)
    #expect(ingredients.map { $0.value(of: "lr") }[0] == "0.001")
    #expect(Set(ingredients.map { $0.value(of: "lr") }) == ["0.001", "0.01", "0.1"])
    #expect(Set(ingredients.map { "\($0.value(of: "lr")!) \($0.value(of: "augment")!)" }).count == 6)
    #expect(Set(ingredients.map { $0.value(of: "seed") }).count == 12)
    #expect(graph["ingredient-01"]!.words.contains(.file("base.safetensors")))
    #expect(graph["base"] == nil)
  }

  @Test func everySoupIsMadeOfTheIngredientsAndScoredOnEverySet() throws {
    let graph = try StudyFile(
      yaml: """
        data: fashion-mnist:/data
        options: {season: {metric: loss}, evaluate: {batch-size: 250}}
        base: {model: resnet20}
        ingredients: {count: 3, include-base: true}
        soups:
          best: {}
          uniform: {}
          greedy: {accept: better}
          strict: {method: greedy, metric: top1, of: [ingredient-01, ingredient-03]}
          moved: {method: mix, of: [base, greedy], alpha: 0.3}
        ensembles: [ensemble]
        evaluate:
          held-out:
          test:
          noisy: {data: "idx:/noisy", shift: true}
        """
    ).graph()
    #expect(graph["uniform"]!.needs == ["base", "ingredient-01", "ingredient-02", "ingredient-03"])
    #expect(graph["strict"]!.needs == ["ingredient-01", "ingredient-03"])
    #expect(graph["moved"]!.needs == ["base", "greedy"])
    let text = { (name: String) in
      graph[name]!.words.compactMap { if case .text(let text) = $0 { text } else { nil } }.joined(separator: " ")
    }
    #expect(text("greedy") == "season greedy --data fashion-mnist:/data --metric loss --accept better -o --json")
    #expect(text("strict") == "season greedy --data fashion-mnist:/data --metric top1 -o --json")
    #expect(text("moved") == "mix --alpha 0.3 -o --json")
    #expect(text("greedy.noisy") == "evaluate --split test --batch-size 250 --data idx:/noisy --predictions --json")
    #expect(graph["greedy.noisy"]!.readings.contains("/noisy"))
    // The best one is chosen by held-out scores only.
    #expect(graph["best"]!.needs.filter { $0.contains(".") }.allSatisfy { $0.hasSuffix(".held-out") })
    let scored = graph.scorings.map { "\($0.model) \($0.set)" }
    #expect(scored.count == 3 * (1 + 3 + 5 + 1) && Set(scored).count == scored.count)
    // Whatever a run needs comes before it.
    var seen: Set<String> = []
    for run in graph.runs {
      #expect(run.needs.allSatisfy(seen.contains))
      seen.insert(run.name)
    }
  }

  @Test func aShiftIsComputedFromTheImages() throws {
    let yaml = """
      base: {checkpoint: b.safetensors}
      ingredients: {count: 2}
      soups: [best, uniform]
      ensembles: [ensemble]
      evaluate:
        held-out:
        test:
        corrupted: {shift: cifar-c, severity: [1, 3, 5], images: 500}
      """
    let file = try StudyFile(yaml: yaml)
    #expect(file.sets.map(\.isShift) == [false, false, true] && file.sets[2].shift == "cifar-c")
    let graph = try file.graph()
    for name in ["uniform.corrupted", "ensemble.corrupted"] {
      let words = graph[name]!.words.compactMap { if case .text(let text) = $0 { text } else { nil } }
      let text = words.joined(separator: " ")
      #expect(text.contains("--split test --shift cifar-c --severity 1,3,5 --images 500 --predictions"), "\(text)")
    }
    #expect(graph["best"]!.needs.allSatisfy { !$0.hasSuffix(".corrupted") })
    let error = #expect(throws: StudyError.self) {
      try StudyFile(yaml: yaml.replacingOccurrences(of: "cifar-c", with: "cifar-x"))
    }
    #expect(error?.detail.contains("cifar-c, imagenet-c") == true)
  }

  @Test func stepsNameModelsAndOutputs() throws {
    let graph = try StudyFile(
      yaml: """
        data: mnist:/data
        base: {model: resnet20}
        ingredients: {count: 2}
        soups: [greedy]
        steps:
          line: {command: [landscape, line, "{base}", "{greedy}", --csv, "{out:line.csv}"], outputs: [line.csv], record: line}
          all: {command: "soup taste {ingredients} --data {data}"}
        """
    ).graph()
    #expect(graph["line"]!.needs == ["base", "greedy"])
    #expect(graph["line"]!.words.contains(.output("line.csv")) && graph["line"]!.record == "line")
    #expect(graph["all"]!.needs == ["ingredient-01", "ingredient-02"])
    #expect(graph["all"]!.words.first == .text("taste") && graph["all"]!.words.contains(.text("mnist:/data")))
  }

  @Test func everythingWrongIsListedAtOnceWithItsLine() {
    let error = #expect(throws: StudyError.self) {
      try StudyFile(
        yaml: """
          sed: 1
          base: {model: resnet20}
          ingredients:
            count: none
            settings:
              lr: {log-uniform: [0, 0.1]}
              wd: {uniform: [1]}
              mixup: {chioce: [1, 2]}
          soups:
            a/b: {}
          evaluate:
            test: {split: validation}
          """, path: "sweep.yaml")
    }
    #expect(error?.code == .invalidFile)
    for part in [
      "sweep.yaml", "line 1: the study has no 'sed'", "line 4: ingredients.count", "line 6", "above 0", "line 7",
      "expected [low, high]", "line 8", "chioce", "'a/b' is not a name", "'validation'",
    ] {
      #expect(error?.description.contains(part) == true, "\(part)")
    }
  }

  @Test(arguments: [
    ("ingredients: {count: 2}", "needs a 'base'"),
    ("base: {model: x}\nsoups: [greedy]", "need 'ingredients'"),
    ("base: {model: x}\ningredients: {count: 2}\nsoups: [greedy, greedy]", "two things"),
    ("base: {model: x}\ningredients: {count: 2}\nsoups: [base]", "two things"),
    ("base: {model: x}\ningredients: {count: 2}\nsoups: [best]\nevaluate: [test]", "held-out"),
    ("base: {model: x}\ningredients: {search: grid, settings: {lr: {uniform: [0, 1]}}}", "points"),
    ("base: {model: x, lr: {uniform: [0, 1]}}\ningredients: {count: 2}", "only ingredients.settings"),
    ("- a\n- b", "not a study"), ("a: [", "not YAML"),
  ])
  func studiesThatMakeNoSenseAreRefused(yaml: String, part: String) {
    let error = #expect(throws: StudyError.self) { _ = try StudyFile(yaml: yaml) }
    #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
  }

  @Test func aModelThatIsNotThereIsNamedWithThoseThatAre() {
    let yaml =
      "base: {model: x}\ningredients: {count: 2}\nsoups:\n  a: {method: mix, of: [base, gredy]}\n  greedy: {}\n"
    let error = #expect(throws: StudyError.self) { _ = try StudyFile(yaml: yaml).graph() }
    #expect(error?.description.contains("'gredy'") == true && error?.description.contains("ingredient-02") == true)
  }

  @Test func theCoresAreDividedAmongRunsSideBySide() throws {
    let graph = try StudyFile(yaml: "base: {model: x}\ningredients: {count: 3}\nsoups: [uniform]\nevaluate: [test]")
      .graph()
    let threads = graph.threads(cores: 8, workers: 4)
    #expect(threads["base"] == 8)
    // Three ingredients, and the base's score.
    #expect(threads["ingredient-01"] == 2)
    #expect(graph.threads(cores: 2, workers: 8).values.allSatisfy { $0 >= 1 })
  }

  /// The paper's search has 72 models, the base among them; the laptop's at least 16.
  @Test(arguments: [("model-soups", 72), ("model-soups-small", 16), ("demo", 7)])
  func presetsExpand(name: String, ingredients: Int) throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let graph = try StudyFile(contentsOf: root.path + "/Studies/\(name).yaml").graph()
    #expect(graph["uniform"]?.words.count { if case .text = $0 { false } else { true } } == ingredients + 1)
    #expect(graph.models.contains { $0.role == .best } && graph.models.contains { $0.role == .ensemble })
  }
}

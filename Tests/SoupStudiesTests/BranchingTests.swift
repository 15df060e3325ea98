import Foundation
import SoupStudies
import Testing

/// Branching studies: a trunk, its branches, and the soup of every two of them in blocks.
@Suite struct BranchingTests {
  private static let yaml = """
    seed: 42
    data: mnist:/data
    options: {train: {precision: bf16, device: "cuda:0"}}
    base: {model: resnet8, epochs: 40}
    branches:
      at: {from: 10, to: 40, every: 10}
      settings: {extra-epochs: 5, keep: best}
      variants:
        - {lr-scale: 0.5, momentum-scale: 1.1}
        - {lr-scale: 1.25}
        - {weight-decay-scale: 2}
    pairs:
      soups: {batch-norm: [average, recompute], shift: cifar-c, severity: 3, block: 5}
    similarities: {images: 100}
    evaluate: [test]
    """

  private func words(_ run: RunSpecification) -> [String] {
    run.words.map {
      switch $0 {
      case .text(let text), .detail(let text): text
      case .result(let run, let file): "<\(run)/\(file)>"
      case .file(let path): path
      case .output(let file): ">\(file)"
      }
    }
  }

  @Test func variantsLeaveTheTrunkAtEveryBranchPoint() throws {
    let graph = try StudyFile(yaml: Self.yaml).graph()
    let trunk = words(graph["base"]!).joined(separator: " ")
    #expect(trunk.contains("--checkpoint-every 10 --checkpoint-from 10 --precision bf16"))
    let ingredients = graph.models.filter { $0.role == .ingredient }
    #expect(ingredients.map(\.name).first == "branch-10-1" && ingredients.count == 4 * 3)
    let branch = graph["branch-30-2"]!
    // The trunk's settings stay its own; on which device a branch is computed does not.
    #expect(
      words(branch).joined(separator: " ")
        == "train --data mnist:/data --branch <base/model-epoch-30.state> --device cuda:0 --extra-epochs 5 --keep best "
        + "--lr-scale 1.25 --seed 44 -o >model.safetensors --json")
    #expect(branch.needs == ["base"])
    let model = graph.model("branch-30-2")!
    #expect(model.value(of: "branch-epoch") == "30" && model.value(of: "variant") == "2" && model.parent == "base")
  }

  @Test func everyPairIsInOneBlockThatNeedsItsModelsAlone() throws {
    let file = try StudyFile(yaml: Self.yaml)
    let graph = try file.graph()
    let blocks = graph.runs.filter { $0.kind == .pairs }
    // Twelve models in three groups of four: three blocks within and three between.
    #expect(blocks.map(\.name) == ["1-1", "1-2", "1-3", "2-2", "2-3", "3-3"].map { "soups.\($0)" })
    var pairs: [Set<String>] = []
    for block in blocks {
      let words = words(block)
      let models = block.needs
      if let place = words.firstIndex(of: "--between") {
        let count = Int(words[place + 1])!
        for a in models.prefix(count) { for b in models.dropFirst(count) { pairs.append([a, b]) } }
      } else {
        for (index, a) in models.enumerated() { for b in models.dropFirst(index + 1) { pairs.append([a, b]) } }
      }
    }
    #expect(pairs.count == 66 && Set(pairs).count == 66)
    #expect(graph["soups"]!.outputs == ["pairs.csv", "pairs-recompute.csv"])
    #expect(
      graph["soups.similarities"]!.needs.last == "similarities" && !graph["soups"]!.needs.contains("similarities"))
    #expect(file.pairs[0].tables.map(\.name) == ["soups-average", "soups-recompute"])
    let join = words(graph["soups"]!).joined(separator: " ")
    #expect(join.contains("--model branch-20-3=20/3 --checkpoint <branch-20-3/model.safetensors>"))
    #expect(words(graph["similarities"]!).prefix(2) == ["compare", "<branch-10-1/model.safetensors>"])
  }

  /// Counts per shared epoch E with b branch points from E on: 16 (b − 1) + 6 for four variants.
  @Test func theDocumentsStudyHas104ModelsAnd5356Pairs() throws {
    let graph = try StudyFile(contentsOf: Self.studies + "/tasty.yaml").graph()
    let models = graph.models.filter { $0.role == .ingredient }
    #expect(models.count == 104)
    let epochs = models.compactMap { $0.value(of: "branch-epoch").flatMap { Int($0) } }
    #expect(Set(epochs) == Set(stride(from: 50, through: 300, by: 10)))
    var shared: [Int: Int] = [:]
    for a in epochs.indices {
      for b in epochs.indices.dropFirst(a + 1) { shared[min(epochs[a], epochs[b]), default: 0] += 1 }
    }
    #expect(shared.values.reduce(0, +) == 5356)
    for (epoch, count) in shared { #expect(count == 16 * ((300 - epoch) / 10 + 1 - 1) + 6) }
    // Eight groups of thirteen.
    let blocks = graph.runs.filter { $0.kind == .pairs }
    #expect(blocks.count == 36 && blocks.allSatisfy { $0.needs.count <= 26 })
    #expect(graph["branch-50-1"]!.words.contains(.text("43")))
  }

  @Test func theSmallStudyHas276PairsOfBothPolicies() throws {
    let file = try StudyFile(contentsOf: Self.studies + "/tasty-small.yaml")
    let graph = try file.graph()
    #expect(graph.models.count { $0.role == .ingredient } == 24)
    #expect(file.pairs[0].tables.map(\.file) == ["pairs.csv", "pairs-recompute.csv"])
  }

  /// log2 of a scale is ±U(0.2 R, R), momentum below 1; the same at every branch point; more variants leave the first ones alone.
  @Test func scalesAreDrawn() throws {
    func scales(_ count: Int) throws -> [StudyModel] {
      try StudyFile(
        yaml: """
          base: {model: resnet8, epochs: 4}
          branches:
            at: [2, 4]
            variants: {count: \(count), lr-scale: 1, momentum-scale: 0.4}
          evaluate: [test]
          """
      ).graph().models.filter { $0.role == .ingredient }
    }
    let models = try scales(200)
    let rates = models.prefix(200).compactMap { $0.value(of: "lr-scale").flatMap(Double.init) }.map { log2($0) }
    #expect(rates.allSatisfy { (0.199...1.001).contains(abs($0)) } && abs(rates.count { $0 < 0 } - 100) < 30)
    let momenta = models.compactMap { $0.value(of: "momentum-scale").flatMap(Double.init) }
    #expect(momenta.allSatisfy { $0 * 0.9 < 1 && abs(log2($0)) < 0.401 })
    #expect(models[3].value(of: "lr-scale") == models[203].value(of: "lr-scale"))
    #expect(models[3].value(of: "seed") == models[203].value(of: "seed"))
    #expect(try scales(5)[4].value(of: "lr-scale") == models[4].value(of: "lr-scale"))
  }

  @Test func whatIsWrongIsNamedWithItsLine() {
    let error = #expect(throws: StudyError.self) {
      try StudyFile(
        yaml: """
          base: {model: resnet8, epochs: 4}
          branches:
            at: {from: 10, to: 5, every: 1}
            variants:
              - {lr-scale: -1}
              - {rate: 2}
          pairs:
            soups: {block: 1}
          contrasts:
            - [a]
          """)
    }
    for part in [
      "line 3: branches.at", "line 5: branches.variants[1].lr-scale", "line 6: branches.variants[2].rate",
      "line 8: pairs.soups.block", "line 10: contrasts",
    ] {
      #expect(error?.description.contains(part) == true, "\(part): \(error?.description ?? "")")
    }
    for (yaml, part) in [
      (
        "base: {model: x, epochs: 4}\nbranches: {at: [5], variants: [{lr-scale: 2}]}",
        "line 2: branches.at: epoch 5 lies behind"
      ),
      (
        "base: b.safetensors\nbranches: {at: [5], variants: [{lr-scale: 2}]}",
        "line 2: branches: they leave the training"
      ),
      ("base: {model: x}\nbranches: {at: [5], variants: [{lr-scale: 2}]}\ningredients: {count: 2}", "one of"),
    ] {
      let error = #expect(throws: StudyError.self) { try StudyFile(yaml: yaml) }
      #expect(error?.description.contains(part) == true, "\(part): \(error?.description ?? "")")
    }
  }

  static let studies =
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    + "/Studies"
}

/// Blocks become one table.
@Suite struct PairBlocksTests {
  private func table(_ rows: [String]) throws -> String {
    let path = FileManager.default.temporaryDirectory.path + "/soup-block-\(UUID().uuidString).csv"
    let header = "a,b,alpha,top1_a,loss_a,top1_b,loss_b,top1,loss,top1_recompute,loss_recompute"
    try Data(([header] + rows).joined(separator: "\n").utf8).write(to: URL(filePath: path))
    return path
  }

  private let models = [("a", 5), ("b", 5), ("c", 10)].map { name, epoch in
    PairBlocks.Model(
      name: name, checkpoint: "/s/runs/\(name)-0123456789/model.safetensors", branch: epoch, variant: "1")
  }

  @Test func blocksAreJoinedUnderTheModelsNames() throws {
    let first = try table(["a-0123456789/model,b-0123456789/model,0.5,0.8,0.5,0.7,0.6,0.9,0.4,0.95,0.3"])
    let second = try table([
      "c-0123456789/model,a-0123456789/model,0.5,0.6,0.7,0.8,0.5,0.1,2.3,0.65,0.5",
      "c-0123456789/model,b-0123456789/model,0.5,0.6,0.7,0.7,0.6,0.1,2.3,0.75,0.5",
    ])
    let joined = try PairBlocks([first, second], models: models)
    #expect(joined.policies == [nil, "recompute"])
    #expect(
      joined.csv()
        == """
        key_a,key_b,clean_accuracy,clean_loss,corrupted_accuracy,corrupted_loss,branch_epoch_a,branch_epoch_b,variant_a,variant_b
        a,a,80.0,0.5,,,5,5,1,1
        b,b,70.0,0.6,,,5,5,1,1
        c,c,60.0,0.7,,,10,10,1,1
        a,b,90.0,0.4,,,5,5,1,1
        a,c,10.0,2.3,,,5,10,1,1
        b,c,10.0,2.3,,,5,10,1,1

        """)
    #expect(joined.csv(policy: "recompute").contains("b,c,75.0,0.5"))
    #expect(joined.summary.gainAccuracy == 1 && joined.summary.gainLoss == 1)
  }

  @Test func whatIsMissingOrThereTwiceIsSaid() throws {
    let block = try table([
      "a-0123456789/model,b-0123456789/model,0.5,0.8,0.5,0.7,0.6,0.9,0.4,0.95,0.3",
      "b-0123456789/model,a-0123456789/model,0.5,0.8,0.5,0.7,0.6,0.9,0.4,0.95,0.3",
      "a-0123456789/model,d-0123456789/model,0.5,0.8,0.5,0.7,0.6,0.9,0.4,0.95,0.3",
    ])
    let error = #expect(throws: StudyError.self) { try PairBlocks([block], models: models) }
    for part in ["there twice", "d-0123456789", "2 pairs have no soup: a and c; b and c"] {
      #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
    }
  }
}

import Foundation
import Testing

/// Branching studies and stages as a user runs them, with a stand-in for training and evaluation.
@Suite(.serialized) struct BranchingCommandTests {
  static let yaml = """
    base: {model: resnet8, epochs: 3}
    branches:
      at: [1, 2]
      variants: [{lr-scale: 0.5}, {lr-scale: 2}]
    pairs:
      soups: {batch-norm: [average, recompute], block: 2}
    similarities: {}
    soups: [best]
    """
  /// What the stand-in does: base, 4 branches, held-out and test scores of the 5 and of the best, 3 blocks, and similarities.
  static let runs = 1 + 4 + 2 * 6 + 3 + 1

  @Test func aBranchingStudyEndsInATableOfPairs() throws {
    let program = try StudyProgram()
    defer { program.remove() }
    try program.write("s.yaml", Self.yaml)
    let first = try program.run("run", "s.yaml")
    #expect(first.status == 0, "\(first.errors)")
    #expect(program.calls.count == Self.runs)
    for part in ["branch-2-1", "soups-average", "soups-recompute", "shared epochs", "l2_distance", "triangles"] {
      #expect(first.output.contains(part), "\(part)\n\(first.output)")
    }
    #expect(try program.run("run", "s.yaml").output == first.output)
    #expect(program.calls.count == Self.runs)

    let records = try program.run("export", "s.yaml", "--record", "pair").output.split(separator: "\n")
      .map { SoupJSON.object(String($0)) }
    // Four models and six pairs, under two policies.
    #expect(
      records.count == 20 && Set(records.compactMap { $0["name"] as? String }) == ["soups-average", "soups-recompute"])
    let pair = try #require(
      records.first { $0["key_a"] as? String == "branch-1-2" && $0["key_b"] as? String == "branch-2-1" })
    #expect(pair["branch_epoch_b"] as? Int == 2 && pair["variant_a"] as? Int == 2)
    #expect((pair["similarities"] as? [String: Any])?["l2_distance"] is Double)

    // A further branch point makes its own blocks anew and leaves the pairs of others alone.
    let calls = program.calls.count
    try program.write(
      "s.yaml", Self.yaml.replacingOccurrences(of: "at: [1, 2]", with: "at: [1, 2, 3]"))
    let second = try program.run("run", "s.yaml")
    #expect(second.status == 0, "\(second.errors)")
    let further = program.calls.dropFirst(calls)
    #expect(further.count { $0.contains("landscape pairs") } == 3)
    #expect(further.count { $0.contains("--branch") } == 2)
  }

  /// How alike models are is worth knowing; what their soups are worth does not wait for it.
  @Test func aTableOfPairsDoesWithoutSimilaritiesThatFailed() throws {
    let program = try StudyProgram()
    defer { program.remove() }
    try program.write("s.yaml", Self.yaml)
    try FileManager.default.createDirectory(atPath: program.folder + "/fail", withIntermediateDirectories: true)
    try program.write("fail/compare", "1\n2\n3\n4\n5\n6\n7\n8\n9\n")
    let failed = try program.run("run", "s.yaml", environment: ["FAKE_FAIL": program.folder + "/fail"])
    #expect(failed.status != 0 && failed.errors.contains("similarities"), "\(failed.errors)")
    let pairs = try program.run("export", "s.yaml", "--record", "pair").output.split(separator: "\n")
    #expect(pairs.count == 20 && !pairs.contains { $0.contains("l2_distance") })
    #expect(try program.report("s.yaml").status == 0)
    #expect(try program.read("runs/s/report.html").contains("similarities failed"))

    // Told to go on, it measures them, and no pair again.
    let calls = program.calls.count
    #expect(try program.run("run", "s.yaml").status == 0)
    #expect(program.calls.count == calls + 1)
    let whole = try program.run("export", "s.yaml", "--record", "pair").output.split(separator: "\n")
    #expect(whole.count == 20 && whole.contains { $0.contains("l2_distance") })
  }

  @Test func stagesEndInContrastsAndSeedsHaveFoldersOfTheirOwn() throws {
    let program = try StudyProgram()
    defer { program.remove() }
    try program.write(
      "s.yaml",
      """
      base: {model: vit-tiny, epochs: 1}
      stages:
        supervised: {search: grid, settings: &tune {lr: {choice: [0.1, 0.2]}}}
        mae: {settings: {objective: mae, mask-ratio: 0.5, weight-decay: 0.1, warmup: 1, batch-size: 64, label-smoothing: 0.1}}
        moco: {settings: {objective: mocov3}}
        tuned: {from: [mae, moco], search: grid, settings: *tune}
      soups:
        supervised-uniform: {method: uniform, of: supervised}
        continued-each: {method: uniform, of: tuned, each: true}
        continued-uniform: {method: best, of: continued-each}
        self-soup-uniform: {method: uniform, of: tuned}
        self-soup-best: {method: best, of: tuned}
      evaluate: {held-out: , test: , odd: {shift: cifar-c, subset: odd}}
      contrasts: [[self-soup-uniform, supervised-uniform], [self-soup-uniform, self-soup-best]]
      """)
    for seed in ["0", "1"] {
      let result = try program.run("run", "s.yaml", "--seed", seed)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output.contains("self-soup-uniform than supervised-uniform"))
      #expect(result.output.contains("continued-uniform: continued-each-m"))
      // Seven settings that differ over the stages are no seven columns; a stage's own are in none of its rows.
      #expect(result.output.contains("settings") && result.output.contains("lr=0.2"))
      #expect(!result.output.contains("mask-ratio"))
    }
    #expect(
      program.calls.contains { $0.contains("--seed 1004") }
        && program.calls.contains { $0.contains("--seed 4 ") || $0.hasSuffix("--seed 4") })
    let contrasts = try program.run("export", "s.yaml", "--seed", "1", "--record", "contrast").output.split(
      separator: "\n"
    )
    .map { SoupJSON.object(String($0)) }
    // Two of them on three sets, and in the mean of the shifts.
    #expect(
      contrasts.count == 8
        && contrasts.allSatisfy { $0["seed"] as? Int == 1 && $0["difference"] is Double || $0["difference"] is Int })
    // One page of one seed, and one of both.
    let one = try program.report("s.yaml", "--seed", "1")
    #expect(one.status == 0 && one.output.hasPrefix("runs/s-seed-1/report.html"), "\(one.errors)")
    #expect(!one.errors.contains("was changed"))
    let both = try program.report("s.yaml", "--seed", "0", "--seed", "1", "-o", "both.html")
    #expect(both.status == 0, "\(both.errors)")
    #expect(try program.read("both.html").contains("2 seeds"))
    let folder = try program.report("runs/s-seed-1", "--seed", "1")
    let twice = try program.report("s.yaml", "--seed", "1", "--seed", "1")
    for result in [folder, twice] { #expect(result.status != 0 && result.errors.contains("--seed")) }
    let table = try program.run("export", "s.yaml", "--seed", "1", "--format", "csv").output
    #expect(table.contains("study,study seed") && table.contains("s-seed-1,1"))
    let wrong = try program.run("run", "s.yaml", "--set", "lr=1")
    #expect(wrong.status != 0 && wrong.errors.contains("seed, name, data, retries, workers"))
  }
}

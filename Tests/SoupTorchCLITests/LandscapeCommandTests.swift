import Foundation
import Testing

/// `soup landscape` as a user runs it, on a small data set.
@Suite(.serialized) struct LandscapeCommandTests {
  /// A base and two fine-tunings, made once for all tests.
  private static let kitchen = Result { try Kitchen() }
  private let folder: TemporaryFolder
  private let data: String

  init() throws {
    let kitchen = try Self.kitchen.get()
    (folder, data) = (kitchen.folder, kitchen.data)
  }

  private final class Kitchen: @unchecked Sendable {
    let folder: TemporaryFolder
    let data: String

    init() throws {
      folder = try TemporaryFolder()
      data = "idx:" + folder["digits"]
      try writeTinyData(to: folder["digits"], train: 320, test: 80)
      try train("base.safetensors", ["--model", "resnet8", "--epochs", "1"])
      for seed in 1...2 {
        try train(
          "\(seed).safetensors",
          ["--from", "base.safetensors", "--epochs", "0.5", "--lr", "0.05", "--seed", "\(seed)"])
      }
    }

    private func train(_ output: String, _ arguments: [String]) throws {
      let result = try SoupProgram.run(
        SoupProgram.path,
        ["train", "--data", data, "-o", output, "--batch-size", "32", "--threads", "1"] + arguments, in: folder.path)
      #expect(result.status == 0, "\(result.errors)")
    }
  }

  private func soup(_ arguments: String...) throws -> SoupProgram.Result {
    try SoupProgram.run(
      SoupProgram.path, ["landscape"] + arguments + ["--data", data, "--threads", "1"], in: folder.path)
  }

  private func lines(_ name: String) throws -> [Substring] {
    try String(contentsOfFile: folder[name], encoding: .utf8).split(separator: "\n")
  }

  /// A pair's ends are its parents, its middle is what `soup mix` makes; a file cut short is continued, whatever the models' names.
  @Test func pairsAreContinued() throws {
    func pairs(_ more: String...) throws -> SoupProgram.Result {
      try SoupProgram.run(
        SoupProgram.path,
        ["landscape", "pairs", "base.safetensors", "1.safetensors", "2.safetensors", "--alpha", "0,0.5,1"]
          + ["--data", data, "--threads", "1", "--json"] + more, in: folder.path)
    }
    let whole = try pairs("--csv", "pairs.csv")
    #expect(whole.status == 0, "\(whole.errors)")
    let soups = try #require(whole.outputJSON["pairs"] as? [[String: Any]])
    #expect(soups.count == 9)
    for (alpha, parent) in [(0.0, "a"), (1.0, "b")] {
      for soup in soups where soup["alpha"] as? Double == alpha {
        for value in ["top1", "loss"] {
          #expect(soup[value] as? Double == soup["\(value)_\(parent)"] as? Double)
        }
      }
    }
    let mixed = try SoupProgram.run(
      SoupProgram.path,
      ["mix", "1.safetensors", "2.safetensors", "--alpha", "0.5", "-o", "half.safetensors", "--force"],
      in: folder.path)
    #expect(mixed.status == 0, "\(mixed.errors)")
    let evaluated = try SoupProgram.run(
      SoupProgram.path, ["evaluate", "half.safetensors", "--data", data, "--threads", "1", "--json"], in: folder.path)
    let score = try #require(evaluated.outputJSON["score"] as? [String: Any])
    #expect(soups[7]["a"] as? String == "1" && soups[7]["b"] as? String == "2")
    #expect(score["top1"] as? Double == soups[7]["top1"] as? Double)
    #expect(score["loss"] as? Double == soups[7]["loss"] as? Double)

    let full = try String(contentsOfFile: folder["pairs.csv"], encoding: .utf8)
    let cut = full.split(separator: "\n", omittingEmptySubsequences: false)[..<6].joined(separator: "\n") + "\n\"1"
    try Data(cut.utf8).write(to: URL(filePath: folder["pairs.csv"]))
    let again = try pairs("--csv", "pairs.csv")
    #expect(again.status == 0 && again.errors.contains("5 points are there already"), "\(again.errors)")
    #expect(again.outputJSON["computed"] as? Int == 4)
    #expect(try String(contentsOfFile: folder["pairs.csv"], encoding: .utf8) == full)
    // A block: the first with the others, and no pair among those.
    let block = try #require(try pairs("--between", "1").outputJSON["pairs"] as? [[String: Any]])
    #expect(block.count == 6 && block.allSatisfy { $0["a"] as? String == "base" })
    let sampled = try pairs("--sample", "2", "--seed", "1")
    let chosen = try #require(sampled.outputJSON["pairs"] as? [[String: Any]])
    #expect(chosen.count == 6 && chosen.allSatisfy { row in soups.contains { ($0 as NSDictionary).isEqual(to: row) } })
  }

  /// Under two policies of batch norm, on corrupted images too: each column is what a run of its own, or `soup evaluate`, gives.
  @Test func pairsUnderPoliciesAndAShift() throws {
    func pairs(_ more: String...) throws -> [[String: Any]] {
      let result = try SoupProgram.run(
        SoupProgram.path,
        ["landscape", "pairs", "1.safetensors", "2.safetensors", "--data", data, "--threads", "1", "--json"]
          + ["--batch-norm-images", "64"] + more, in: folder.path)
      #expect(result.status == 0, "\(result.errors)")
      return try #require(result.outputJSON["pairs"] as? [[String: Any]])
    }
    let shift = ["--shift", "cifar-c", "--corruption", "contrast,gaussian-noise", "--severity", "1,3"]
    let arguments = ["--batch-norm", "average,recompute", "--csv", "both.csv"] + shift
    let both = try SoupProgram.run(
      SoupProgram.path,
      ["landscape", "pairs", "1.safetensors", "2.safetensors", "--data", data, "--threads", "1", "--json"]
        + ["--batch-norm-images", "64"] + arguments, in: folder.path)
    #expect(both.status == 0, "\(both.errors)")
    let row = try #require((both.outputJSON["pairs"] as? [[String: Any]])?.first)
    let (average, recomputed) = (try pairs()[0], try pairs("--batch-norm", "recompute")[0])
    for value in ["top1", "loss", "top1_a", "loss_b", "over_best", "over_best_p"] {
      #expect(row[value] as? Double == average[value] as? Double, "\(value)")
    }
    for value in ["top1", "loss"] {
      #expect(row[value + "_recompute"] as? Double == recomputed[value] as? Double, "\(value)")
    }
    let evaluated = try SoupProgram.run(
      SoupProgram.path, ["evaluate", "2.safetensors", "--data", data, "--threads", "1", "--json"] + shift,
      in: folder.path)
    let under = try #require(evaluated.outputJSON["shift"] as? [String: Any])
    for (value, name) in [("corrupted_top1_b", "mean_accuracy"), ("corrupted_loss_b", "mean_loss")] {
      let (found, expected) = (try #require(row[value] as? Double), try #require(under[name] as? Double))
      #expect(abs(found - expected) < 1e-6, "\(value)")
    }
    #expect(row["corrupted_top1_recompute"] is Double)
    let summary = try #require(both.outputJSON["summary"] as? [String: Any])
    #expect((summary["other_policies"] as? [[String: Any]])?.first?["policy"] as? String == "recompute")
    // Continued, nothing is computed again, and no image is corrupted.
    let again = try SoupProgram.run(
      SoupProgram.path,
      ["landscape", "pairs", "1.safetensors", "2.safetensors", "--data", data, "--threads", "1", "--json"]
        + ["--batch-norm-images", "64"] + arguments, in: folder.path)
    #expect(again.outputJSON["computed"] as? Int == 0, "\(again.errors)")
    // A threshold above every accuracy leaves corrupted images of soups out, not of parents.
    let skipped = try #require(
      try SoupProgram.run(
        SoupProgram.path,
        ["landscape", "pairs", "1.safetensors", "2.safetensors", "--data", data, "--threads", "1", "--json"]
          + ["--skip-collapsed", "1"] + shift, in: folder.path
      ).outputJSON["pairs"] as? [[String: Any]])
    #expect(skipped[0]["corrupted_top1"] == nil || skipped[0]["top1"] as? Double == 1)
    #expect(skipped[0]["corrupted_top1_a"] is Double)
    // What is given up cannot have been better, and what is not has the scores that it had.
    let stopped = try pairs("--early-stop", "--alpha", "0.5,3", "--batch-size", "8")
    let whole = try pairs("--alpha", "0.5,3", "--batch-size", "8")
    for (a, b) in zip(stopped, whole) {
      let excess = try #require(b["over_best"] as? Double)
      if a["over_best_p"] == nil { #expect(excess <= 0) } else { #expect(a["top1"] as? Double == b["top1"] as? Double) }
    }
    for wrong in [["--severity", "3"], ["--skip-collapsed", "0.1"], ["--batch-norm", "average,average"]] {
      let result = try SoupProgram.run(
        SoupProgram.path, ["landscape", "pairs", "1.safetensors", "2.safetensors", "--data", data] + wrong,
        in: folder.path)
      #expect(result.status == 2, "\(wrong)")
    }
    let several = try soup("line", "1.safetensors", "2.safetensors", "--batch-norm", "average,copy")
    #expect(several.status != 0 && several.errors.contains("soup landscape pairs"))
  }

  /// The ends of the line are the models; a file cut short is continued with the points that are missing; another landscape is
  /// not mixed into it.
  @Test func aLineIsContinued() throws {
    let arguments = ["1.safetensors", "2.safetensors", "--points", "5", "--csv", "line.csv", "--json"]
    func line(_ more: String...) throws -> SoupProgram.Result {
      try SoupProgram.run(
        SoupProgram.path, ["landscape", "line"] + arguments + ["--data", data, "--threads", "1"] + more,
        in: folder.path)
    }
    let whole = try line()
    #expect(whole.status == 0, "\(whole.errors)")
    let points = try #require(whole.outputJSON["points"] as? [[String: Any]])
    #expect(points.compactMap { $0["alpha"] as? Double } == [0, 0.25, 0.5, 0.75, 1])
    let evaluated = try SoupProgram.run(
      SoupProgram.path, ["evaluate", "2.safetensors", "--data", data, "--threads", "1", "--json"], in: folder.path)
    let score = try #require(evaluated.outputJSON["score"] as? [String: Any])
    #expect(score["top1"] as? Double == points[4]["top1"] as? Double)
    #expect(score["loss"] as? Double == points[4]["loss"] as? Double)

    let full = try String(contentsOfFile: folder["line.csv"], encoding: .utf8)
    let cut = full.split(separator: "\n", omittingEmptySubsequences: false)[..<3].joined(separator: "\n") + "\n0.5,0."
    try Data(cut.utf8).write(to: URL(filePath: folder["line.csv"]))
    let again = try line()
    #expect(again.status == 0 && again.errors.contains("2 points are there already"), "\(again.errors)")
    #expect(try String(contentsOfFile: folder["line.csv"], encoding: .utf8) == full)
    #expect(again.output == whole.output)

    let other = try line("--images", "40")
    #expect(other.status == 1 && other.errors.contains("images (80 there, 40 here)"), "\(other.errors)")
    #expect(try String(contentsOfFile: folder["line.csv"], encoding: .utf8) == full)
    #expect(try line("--images", "40", "--restart").status == 0)
  }

  @Test func planeAndSimplex() throws {
    let plane = try soup(
      "plane", "base.safetensors", "1.safetensors", "2.safetensors", "--points", "3", "--csv", "p.csv", "--batch-norm",
      "recompute", "--batch-norm-images", "64")
    #expect(plane.status == 0 && plane.output.contains("Angle at the base"), "\(plane.errors)")
    #expect(try lines("p.csv").count == 1 + 9 + 3)
    let simplex = try soup(
      "simplex", "base.safetensors", "1.safetensors", "2.safetensors", "--steps", "2", "--csv", "s.csv", "--json")
    #expect(simplex.status == 0, "\(simplex.errors)")
    #expect((simplex.outputJSON["points"] as? [Any])?.count == 6)
    #expect(try lines("s.csv")[0] == "a,b,c,top1,error,error_low,error_high,loss,ece")
    let same = try soup("plane", "base.safetensors", "1.safetensors", "1.safetensors")
    #expect(same.status == 1 && !same.errors.isEmpty)
  }

  @Test func flatnessAnglesAndApproximation() throws {
    let flatness = try soup(
      "flatness", "1.safetensors", "2.safetensors", "--directions", "2", "--steps", "1", "--images", "64", "--csv",
      "f.csv")
    #expect(flatness.status == 0 && flatness.output.contains("uniform soup of 2"), "\(flatness.errors)")
    #expect(try lines("f.csv").count == 1 + 3 * (1 + 2 * 2))
    let angles = try soup("angles", "1.safetensors", "2.safetensors", "--base", "base.safetensors", "--json")
    #expect(angles.status == 0, "\(angles.errors)")
    let pair = try #require((angles.outputJSON["pairs"] as? [[String: Any]])?.first)
    let angle = try #require(pair["angle"] as? Double)
    #expect(angle > 0 && angle < 180)
    let gain = try #require(pair["advantage"] as? Double)
    let parents = try (#require(pair["top1_a"] as? Double) + #require(pair["top1_b"] as? Double)) / 2
    #expect(abs(try #require(pair["top1_middle"] as? Double) - parents - gain) < 1e-12)
    let approximation = try soup(
      "approximation", "1.safetensors", "2.safetensors", "--points", "5", "--held-out", "0.1", "--json")
    #expect(approximation.status == 0, "\(approximation.errors)")
    let points = try #require(approximation.outputJSON["points"] as? [[String: Double]])
    #expect(points.compactMap { $0["alpha"] } == [0.25, 0.5, 0.75])
    for point in points {
      #expect(
        abs(point["soup_loss", default: 0] - point["ensemble_loss", default: 1] - point["difference", default: 9])
          < 1e-9)
    }
  }
}

@Suite struct LandscapeHelpTests {
  @Test func usageErrorsExitWith2() throws {
    for arguments in [
      ["line", "a"], ["line", "a", "b", "--points", "1"], ["line", "a", "b", "--from", "2", "--to", "1"],
      ["plane", "a", "b"], ["simplex", "a", "b"], ["flatness", "a", "--radius", "0"], ["angles", "a"],
      ["approximation", "a", "b", "--beta", "0"], ["line", "a", "b", "--restart"],
      ["line", "a", "b", "--batch-norm", "bogus"],
    ] {
      let result = try SoupProgram.run(SoupProgram.path, ["landscape"] + arguments, in: nil)
      #expect(result.status == 2, "\(arguments): \(result.errors)")
    }
  }

  /// After an intended change:
  /// `for c in line plane simplex flatness pairs angles approximation; do soup landscape $c --help > Tests/Fixtures/help/landscape-$c.txt; done`
  @Test(arguments: ["line", "plane", "simplex", "flatness", "pairs", "angles", "approximation"])
  func helpIsAsReviewed(command: String) throws {
    let golden = try String(contentsOfFile: fixture("help/landscape-\(command).txt"), encoding: .utf8)
    #expect(try SoupProgram.run(SoupProgram.path, ["landscape", command, "--help"], in: nil).output == golden)
    #expect(golden.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }
}

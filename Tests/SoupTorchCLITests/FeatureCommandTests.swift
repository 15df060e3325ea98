import Foundation
import SoupCheckpoints
import Testing

/// What judges and mixes encoders by their features: `soup probe`, `evaluate --knn`, `evaluate --adapt`, `season self` and
/// `season sampled --metric knn`, run as a user would on a small data set.
@Suite(.serialized) struct FeatureCommandTests {
  private let folder: TemporaryFolder
  private let data: String

  init() throws {
    folder = try TemporaryFolder()
    data = "idx:" + folder["digits"]
    try writeTinyData(to: folder["digits"], train: 240, test: 60)
    for (output, arguments) in [
      ("base", ["--model", "resnet8", "--epochs", "0.2"]),
      ("runs/1", ["--from", "base.safetensors", "--epochs", "1", "--lr", "0.02", "--seed", "1"]),
      ("runs/2", ["--from", "base.safetensors", "--epochs", "1", "--lr", "0.05", "--seed", "2"]),
    ] {
      let result = try soup(
        ["train", "--data", data, "-o", output + ".safetensors", "--batch-size", "32"] + arguments)
      #expect(result.status == 0, "\(result.errors)")
    }
  }

  private func soup(_ arguments: [String]) throws -> SoupProgram.Result {
    try SoupProgram.run(SoupProgram.path, arguments + ["--threads", "1"], in: folder.path)
  }

  private func lines(_ result: SoupProgram.Result) -> [[String: Any]] {
    result.output.split(separator: "\n").map { SoupProgram.object(String($0)) }
  }

  private func top1(_ line: [String: Any]) -> Double? { (line["score"] as? [String: Any])?["top1"] as? Double }

  /// The head that is written scores on held-out images what the sweep says, and can be fine-tuned from.
  @Test func aProbeWritesACheckpointWithItsHead() throws {
    let result = try soup([
      "probe", "base.safetensors", "-o", "probed.safetensors", "--data", data, "--epochs", "10", "--step-images", "64",
      "--json",
    ])
    #expect(result.status == 0, "\(result.errors)")
    let sweep = try #require(result.outputJSON["sweep"] as? [[String: Any]])
    #expect(sweep.count == 9)
    let heldOut = try #require((result.outputJSON["held_out"] as? [String: Any])?["top1"] as? Double)
    #expect(sweep.compactMap { $0["top1"] as? Double }.max() == heldOut)
    let evaluated = try soup(["evaluate", "probed.safetensors", "--data", data, "--split", "held-out", "--json"])
    #expect(top1(evaluated.outputJSON) == heldOut, "\(evaluated.errors)")
    let (base, probed) = (
      try Checkpoint(contentsOf: folder["base.safetensors"]).stateDict(),
      try Checkpoint(contentsOf: folder["probed.safetensors"]).stateDict()
    )
    for (name, tensor) in base where !name.hasPrefix("linear.") {
      #expect(probed[name]?.doubles() == tensor.doubles(), "\(name)")
    }
    let tuned = try soup([
      "train", "--data", data, "--from", "probed.safetensors", "-o", "tuned.safetensors", "--epochs", "0.2",
      "--batch-size", "32",
    ])
    #expect(tuned.status == 0, "\(tuned.errors)")
    let again = try soup(["probe", "base.safetensors", "-o", "probed.safetensors", "--data", data])
    #expect(again.status != 0 && again.errors.contains("--force"))
  }

  /// Even and odd images are all images, each once, whichever part, and under a shift too.
  @Test func halvesAddUpToTheWhole() throws {
    for extra in [[], ["--split", "held-out"], ["--shift", "cifar-c", "--corruption", "fog", "--severity", "3"]] {
      let rows = try ["all", "even", "odd"].map { subset in
        let result = try soup(["evaluate", "base.safetensors", "--data", data, "--subset", subset, "--json"] + extra)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.outputJSON["subset"] as? String == (subset == "all" ? nil : subset))
        return try #require(result.outputJSON["score"] as? [String: Any])
      }
      let counts = try rows.map { try #require($0["count"] as? Double) }
      let correct = try zip(rows, counts).map { try #require($0["top1"] as? Double) * $1 }
      let losses = try zip(rows, counts).map { try #require($0["loss"] as? Double) * $1 }
      #expect(counts[0] == counts[1] + counts[2] && counts[1] > 0 && counts[2] > 0)
      #expect(abs(correct[0] - correct[1] - correct[2]) < 1e-6)
      #expect(abs(losses[0] - losses[1] - losses[2]) < 1e-4 * losses[0])
    }
  }

  @Test func neighboursJudgeCheckpointsAndShifts() throws {
    let result = try soup([
      "evaluate", "base.safetensors", "runs", "--data", data, "--knn", "--neighbours", "5", "--json",
    ])
    #expect(result.status == 0, "\(result.errors)")
    let rows = lines(result)
    #expect(rows.count == 3)
    for row in rows { #expect(try #require(top1(row)) > 0.8) }
    #expect(rows[0]["knn_images"] as? Int == 216)
    let table = try soup(["evaluate", "runs", "--data", data, "--knn", "--knn-images", "50"])
    #expect(table.errors.contains("nearest 20 of 50 training images"), "\(table.errors)")
    let shifted = try soup([
      "evaluate", "runs", "--data", data, "--knn", "--shift", "cifar-c", "--corruption", "brightness", "--severity",
      "1",
      "--json",
    ])
    #expect(shifted.status == 0, "\(shifted.errors)")
    #expect(lines(shifted).count == 2)
    for (arguments, message) in [
      (["--knn", "--neighbours", "500"], "500 nearest neighbours of 216 images"),
      (["--knn", "--ensemble", "logits"], "leave out --ensemble"), (["--neighbours", "3"], "need --knn"),
      (["--knn", "--split", "train"], "find themselves"),
    ] {
      let refused = try soup(["evaluate", "base.safetensors", "--data", data] + arguments)
      #expect(refused.status != 0 && refused.errors.contains(message), "\(refused.errors)")
    }
  }

  @Test func instantSeasoningKeepsTheBestVote() throws {
    let result = try soup([
      "season", "sampled", "runs", "-o", "soup.safetensors", "--data", data, "--metric", "knn", "--samples", "5",
      "--neighbours", "5", "--json",
    ])
    #expect(result.status == 0, "\(result.errors)")
    let found = try #require(result.outputJSON["result"] as? [String: Any])
    let best = try #require((found["score"] as? [String: Any])?["top1"] as? Double)
    let judged = try soup([
      "evaluate", "soup.safetensors", "--data", data, "--knn", "--neighbours", "5", "--split", "held-out", "--json",
    ])
    #expect(top1(judged.outputJSON) == best, "\(judged.errors)")
    #expect(result.outputJSON["best_ingredient"] as? String != nil)
  }

  /// Entropies of ingredients, uniform soup and result; the soup is written with its coefficients, and nothing else is left.
  @Test func selfSeasoningLowersTheEntropy() throws {
    let result = try soup([
      "season", "self", "runs", "-o", "soup.safetensors", "--data", data, "--step-images", "64", "--epochs", "10",
      "--json", "--recipe", "recipe.json",
    ])
    #expect(result.status == 0, "\(result.errors)")
    let report = result.outputJSON
    let weights = try #require(report["weights"] as? [Double])
    #expect(weights.count == 2 && abs(weights.reduce(0, +) - 1) < 1e-9)
    #expect(try #require(report["entropy"] as? Double) <= #require(report["uniform"] as? Double))
    #expect((report["epochs"] as? [Double])?.count == 10)
    let metadata = try Checkpoint(contentsOf: folder["soup.safetensors"]).metadata
    #expect(metadata["soup.seasoning"]?.contains("\"method\":\"self\"") ?? false)
    let recipe = try String(contentsOfFile: folder["recipe.json"], encoding: .utf8)
    #expect(metadata["soup.recipe"] == recipe.trimmingCharacters(in: .newlines))
    #expect(!FileManager.default.fileExists(atPath: folder["soup.safetensors.state"]))
    let small = try soup(["season", "self", "runs", "-o", "s.safetensors", "--data", data, "--step-images", "16"])
    #expect(small.status != 0 && small.errors.contains("at least 17 images"), "\(small.errors)")
  }

  /// Killed with SIGKILL while it searches, then run to its end: the bytes of a search that nobody disturbed.
  @Test func aKilledSearchEndsWithTheSameBytes() throws {
    func arguments(_ output: String) -> [String] {
      [
        "season", "self", "runs", "-o", output, "--data", data, "--split", "test", "--step-images", "20", "--epochs",
        "40",
        "--save-every", "0", "--threads", "1",
      ]
    }
    let whole = try soup(arguments("whole.safetensors"))
    #expect(whole.status == 0, "\(whole.errors)")
    for delay in [0.4, 0.8] {
      let process = Process()
      process.executableURL = URL(filePath: SoupProgram.path)
      process.arguments = arguments("killed.safetensors")
      process.currentDirectoryURL = URL(filePath: folder.path)
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      Thread.sleep(forTimeInterval: delay)
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
    let last = try soup(arguments("killed.safetensors") + ["--force"])
    #expect(last.status == 0, "\(last.errors)")
    #expect(
      try Data(contentsOf: URL(filePath: folder["killed.safetensors"]))
        == Data(contentsOf: URL(filePath: folder["whole.safetensors"])))
  }

  @Test func mixturesFollowTheBatch() throws {
    let result = try soup(["evaluate", "runs", "--data", data, "--adapt", "--batch-size", "30", "--json"])
    #expect(result.status == 0, "\(result.errors)")
    let rows = lines(result)
    #expect(rows.count == 4)
    #expect(rows[2]["checkpoint"] as? String == "uniform soup of 2")
    let mixture = try #require(rows[3]["mixture"] as? [Double])
    #expect(abs(mixture.reduce(0, +) - 1) < 1e-9)
    let shifted = try soup([
      "evaluate", "runs", "--data", data, "--adapt", "--adapt-stream", "--adapt-steps", "1", "--batch-size", "30",
      "--shift", "cifar-c", "--corruption", "brightness", "--severity", "2",
    ])
    #expect(shifted.status == 0, "\(shifted.errors)")
    #expect(shifted.output.contains("adapted to each batch") && shifted.errors.contains("mean shares"))
    for arguments in [["base.safetensors", "--adapt"], ["runs", "--adapt-steps", "3"], ["runs", "--adapt", "--knn"]] {
      #expect(try soup(["evaluate", "--data", data] + arguments).status != 0)
    }
  }
}

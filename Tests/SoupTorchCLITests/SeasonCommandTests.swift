import Foundation
import SoupCheckpoints
import Testing

/// `soup season` and its searches, run as a user would on a small data set.
@Suite(.serialized) struct SeasonCommandTests {
  private let folder: TemporaryFolder
  private let data: String

  init() throws {
    folder = try TemporaryFolder()
    data = "idx:" + folder["digits"]
    try writeTinyData(to: folder["digits"])
    for (output, arguments) in [
      ("base", ["--model", "resnet8", "--epochs", "0.5"]),
      ("runs/1", ["--from", "base.safetensors", "--epochs", "1", "--lr", "0.02", "--seed", "1"]),
      ("runs/2", ["--from", "base.safetensors", "--epochs", "1", "--lr", "0.05", "--seed", "2"]),
      ("runs/3", ["--from", "base.safetensors", "--epochs", "1", "--lr", "0.01", "--seed", "3"]),
    ] {
      let result = try soup(
        ["train", "--data", data, "-o", output + ".safetensors", "--batch-size", "32"] + arguments)
      #expect(result.status == 0, "\(result.errors)")
    }
  }

  private func soup(_ arguments: [String]) throws -> SoupProgram.Result {
    try SoupProgram.run(SoupProgram.path, arguments + ["--threads", "1"], in: folder.path)
  }

  private func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: folder[name])) }

  /// The soup is written with its coefficients, `soup mix` makes the same bytes of its recipe, and nothing else is left.
  @Test(arguments: ["learned", "layerwise"]) func aLearnedSoupIsWrittenWithItsRecipe(method: String) throws {
    let result = try soup([
      "season", method, "runs", "-o", "\(method).safetensors", "--data", data, "--step-images", "16", "--json",
      "--recipe", "recipe.json",
    ])
    #expect(result.status == 0, "\(result.errors)")
    let weights = try #require(result.outputJSON["weights"] as? [Double])
    #expect(weights.count == 3 && abs(weights.reduce(0, +) - 1) < 1e-9)
    let metadata = try Checkpoint(contentsOf: folder["\(method).safetensors"]).metadata
    #expect(metadata["soup.seasoning"]?.contains("\"method\":\"\(method)\"") ?? false)
    let recipe = try String(contentsOfFile: folder["recipe.json"], encoding: .utf8)
    #expect(metadata["soup.recipe"] == recipe.trimmingCharacters(in: .newlines))
    #expect(
      try folder.contents
        == [
          "base.jsonl", "base.safetensors", "digits", "\(method).safetensors", "recipe.json", "runs",
        ].sorted())
  }

  /// Killed with SIGKILL while it learns, then run to its end: the bytes of a search that nobody disturbed.
  @Test func aKilledSearchEndsWithTheSameBytes() throws {
    func arguments(_ output: String) -> [String] {
      [
        "season", "layerwise", "runs", "-o", output, "--data", data, "--step-images", "8", "--epochs", "60",
        "--save-every", "0", "--threads", "1",
      ]
    }
    let whole = try soup(arguments("whole.safetensors"))
    #expect(whole.status == 0, "\(whole.errors)")
    var kills = 0
    for delay in [0.3, 0.7, 0.5] {
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
      kills += process.terminationReason == .uncaughtSignal ? 1 : 0
    }
    #expect(kills > 0)
    let last = try soup(arguments("killed.safetensors") + (kills < 3 ? ["--force"] : []))
    #expect(last.status == 0, "\(last.errors)")
    #expect(try bytes("killed.safetensors") == bytes("whole.safetensors"))
    #expect(!FileManager.default.fileExists(atPath: folder["killed.safetensors.state"]))
  }

  /// Every search writes a soup, whose file says how it was found; leaving candidates early keeps the same bytes.
  @Test func theOtherSearchesWriteTheirSoups() throws {
    for (name, arguments) in [
      ("full", ["greedy", "runs", "--full"]), ("early", ["greedy", "runs"]),
      ("race", ["greedy", "runs", "--race", "0.05"]), ("sampled", ["sampled", "runs", "--samples", "6"]),
      ("pair", ["pair", "runs/1.safetensors", "runs/2.safetensors", "--points", "3", "--refine", "2"]),
    ] {
      let result = try soup(["season"] + arguments + ["-o", name + ".safetensors", "--data", data, "--json"])
      #expect(result.status == 0, "\(name): \(result.errors)")
      let metadata = try Checkpoint(contentsOf: folder[name + ".safetensors"]).metadata
      #expect(metadata["soup.seasoning"]?.contains("\"method\":\"\(arguments[0])\"") ?? false)
    }
    #expect(try bytes("full.safetensors") == bytes("early.safetensors"))
  }

  /// A module of the user's own, with weights that say nothing about it, through every search and the evaluation of its soup.
  @Test func aTorchScriptModuleIsTheModel() throws {
    var fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    fixtures.append(path: "Fixtures/script")
    try writeTinyData(to: folder["three"], train: 120, test: 60, classes: 3)
    let model = ["--model", fixtures.path + "/net.pt", "--data", "idx:" + folder["three"]]
    let ingredients = ["0", "1"].map { "\(fixtures.path)/\($0).safetensors" }
    for method in ["greedy", "learned", "layerwise", "sampled", "pair"] {
      let output = "script-\(method).safetensors"
      let result = try soup(
        ["season", method] + ingredients + model + ["--held-out", "0.2", "-o", output, "--json"]
          + (method == "sampled" ? ["--samples", "3"] : []))
      #expect(result.status == 0, "\(method): \(result.errors)")
      let mixed = try Checkpoint(contentsOf: folder[output]).stateDict()
      #expect(mixed["norm.running_var"]?.count == 4 && mixed["head.weight"]?.shape == [3, 4])
      let score = try soup(["evaluate", output, "--json"] + model)
      #expect(score.status == 0, "\(method): \(score.errors)")
      #expect((score.outputJSON["score"] as? [String: Any])?["count"] as? Int == 60)
    }
    for command in [
      ["evaluate", ingredients[0], "--knn", "--held-out", "0.2"], ["probe", ingredients[0], "-o", "x.safetensors"],
      ["season", "self"] + ingredients + ["-o", "x.safetensors"],
    ] {
      let refused = try soup(command + model)
      #expect(refused.status != 0 && refused.errors.contains("gives logits only"), "\(command[0]): \(refused.errors)")
    }
    let other = try soup(["evaluate", "runs/1.safetensors"] + model)
    #expect(other.status == 1 && other.errors.contains("conv.weight"), "\(other.errors)")
  }

  /// A program that counts bytes of the soup, and one that fails.
  @Test func aProgramCanScore() throws {
    for method in ["greedy", "sampled"] {
      let result = try soup([
        "season", method, "runs", "-o", "\(method).safetensors", "--json", "--scratch", folder.path, "--scorer",
        "tail -c 4096 {soup} | cksum | cut -c 1-3",
      ])
      #expect(result.status == 0, "\(result.errors)")
    }
    let failed = try soup([
      "season", "greedy", "runs", "-o", "x.safetensors", "--scorer", "echo no score {soup} >&2; false",
    ])
    #expect(failed.status == 1 && failed.errors.contains("exited with 1") && failed.errors.contains("no score"))
    let usage = try soup(["season", "greedy", "runs", "-o", "x.safetensors", "--minimize"])
    #expect(usage.status == 2 && usage.errors.contains("--scorer"))
  }

  /// No search looks at test images, however it is asked.
  @Test(arguments: ["greedy", "learned", "layerwise", "sampled", "pair"]) func selectionOnTheTestSetIsRefused(
    method: String
  ) throws {
    for part in ["test", "train"] {
      let result = try soup(["season", method, "runs", "-o", "x.safetensors", "--data", data, "--split", part])
      #expect(result.status == 2)
      #expect(result.errors.contains("held-out images only"))
    }
  }
}

/// The help texts are part of the interface: a change shows in the diff of `Tests/Fixtures/help`. After an intended one:
/// `for c in train evaluate taste probe season; do soup $c --help > Tests/Fixtures/help/$c.txt; done`, and the same for
/// `season greedy` and its siblings, into `season-greedy.txt`.
@Suite struct TorchHelpTests {
  @Test(arguments: [
    "train", "evaluate", "taste", "season", "season greedy", "season learned", "season layerwise", "season sampled",
    "season pair", "season self", "probe",
  ])
  func helpIsAsReviewed(command: String) throws {
    let words = command.split(separator: " ").map(String.init)
    var folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    folder.append(path: "Fixtures/help/\(words.joined(separator: "-")).txt")
    let golden = try String(contentsOf: folder, encoding: .utf8)
    let result = try SoupProgram.run(SoupProgram.path, words + ["--help"], in: nil)
    #expect(result.output == golden)
    #expect(golden.split(separator: "\n").allSatisfy { $0.count <= 120 })
  }
}

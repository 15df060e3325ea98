import Foundation
import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

/// Soups as `.pt` files and as folders.
@Suite struct FolderOutputTests {
  private let folder: TemporaryFolder
  private let recipe: Recipe

  init() throws {
    let folder = try TemporaryFolder()
    self.folder = folder
    recipe = .uniform(try (1...3).map { try folder.network("\($0).safetensors", seed: $0) })
  }

  @Test func everyFormHasTheSameSoup() throws {
    let plan = try MixPlan(recipe)
    let expected = try Mixer(threads: 2).mix(recipe)
    for (name, size) in [("soup.pt", nil), ("soup", nil), ("shards", 100_000), ("soup.bin", nil)] as [(String, Int?)] {
      let report = try Mixer(threads: 2).mix(plan, to: CheckpointDestination(folder[name], shardSize: size))
      let soup = try Checkpoint(contentsOf: folder[name])
      #expect(try soup.stateDict().contents == expected.contents)
      #expect(soup.metadata["soup.recipe"] == expected.metadata["soup.recipe"])
      #expect(soup.fileSize <= report.outputBytes && report.files.allSatisfy { $0.hasPrefix(folder[name]) })
      #expect(soup.files.allSatisfy(report.files.contains))
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder["soup"]) == ["model.safetensors"])
  }

  @Test func threadsDoNotChangeTheBytesOfAnyForm() throws {
    for name in ["soup.pt", "shards"] {
      var seen: Set<[String: Data]> = []
      for threads in [1, 2, 7] {
        try Mixer(threads: threads).mix(
          MixPlan(recipe), to: CheckpointDestination(folder[name], shardSize: name == "shards" ? 100_000 : nil))
        seen.insert(try contents(name))
      }
      #expect(seen.count == 1)
    }
  }

  /// What Python's zipfile, and so PyTorch, checks: every checksum is that of the bytes.
  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/unzip"))) func theArchiveIsWhole() throws {
    try Mixer(threads: 3).mix(MixPlan(recipe), to: CheckpointDestination(folder["soup.pt"]))
    let result = try SoupProcess.run("/usr/bin/unzip", ["-tq", folder["soup.pt"]])
    #expect(result == 0)
  }

  @Test func tiedTensorsAreMixedAsOneAndStoredOnce() throws {
    var paths: [String] = []
    for seed in 1...2 {
      var numbers = Numbers(seed: UInt64(seed))
      let tensor = try HostTensor(floats: numbers.floats(30_000), shape: [30_000])
      paths.append(folder["\(seed).pt"])
      try CheckpointWriter.writePyTorch(
        StateDict([("a.embedding", tensor), ("z.head", tensor), ("b", HostTensor(floats: [1], shape: [1]))]),
        to: paths[seed - 1])
    }
    var recipe = Recipe.named(
      .dareLinear, paths.map { Recipe.Ingredient($0, weight: 1) }, base: paths[0], parameters: ["density": 0.5])
    recipe.parameters?["weight"] = 1
    let plan = try MixPlan(recipe)
    #expect(plan.tiedNames == [["a.embedding", "z.head"]])
    let soup = try Mixer().mix(recipe)
    #expect(soup["a.embedding"]?.bytes == soup["z.head"]?.bytes)
    try Mixer().mix(plan, to: CheckpointDestination(folder["soup.pt"]))
    let read = try Checkpoint(contentsOf: folder["soup.pt"])
    #expect(read.fileSize < 130_000)
    #expect(try read.tensor("z.head").bytes == soup["a.embedding"]?.bytes)
  }

  @Test func theFolderHasWhatTheModelNeeds() throws {
    let base = folder["base"]
    try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: folder["1.safetensors"], toPath: base + "/model.safetensors")
    let configuration = """
      {
        "architectures": ["LlamaForCausalLM"], "_name_or_path": "some/model",
        "vision": {"torch_dtype": "float32"},
        "torch_dtype" : "float32", "num_hidden_layers": 2
      }
      """
    for (name, text) in [("config.json", configuration), ("tokenizer.model", "x"), ("notes.md", "y")] {
      try Data(text.utf8).write(to: URL(filePath: base + "/" + name))
    }
    var recipe = Recipe.uniform([base, folder["2.safetensors"]])
    recipe.dtype = .bfloat16
    let plan = try MixPlan(recipe)
    try Mixer().mix(
      plan, to: CheckpointDestination(folder["soup"]),
      companions: FolderCompanions(for: plan, name: "soup", command: "soup mix recipe.yml -o soup"))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder["soup"]).sorted()
        == ["README.md", "config.json", "model.safetensors", "tokenizer.model"])
    let written = try String(contentsOfFile: folder["soup/config.json"], encoding: .utf8)
    #expect(
      written
        == configuration.replacing(#""torch_dtype" : "float32""#, with: #""torch_dtype" : "bfloat16""#))
    let card = try String(contentsOfFile: folder["soup/README.md"], encoding: .utf8)
    #expect(card.hasPrefix("---\nbase_model:\n- some/model\nlibrary_name: transformers\ntags:\n- merge\n"))
    #expect(card.contains("| `\(base)` | 1/2 |") && card.contains("soup mix recipe.yml -o soup"))
    #expect(card.contains(SoupVersion.current))
    let yaml = try #require(card.split(separator: "```yaml\n").last?.split(separator: "```").first)
    let again = try #require(RecipeFile(yaml: String(yaml)).stages.last).recipe
    #expect(try Mixer().mix(again).contents == Mixer().mix(recipe).contents)
  }

  @Test func theCardOfSeveralStagesHasThemAll() throws {
    let stages = try RecipeFile(
      yaml: """
        name: half
        merge_method: linear
        models: [{model: \(folder["1.safetensors"])}, {model: \(folder["2.safetensors"])}]
        parameters: {weight: 1}
        ---
        merge_method: linear
        models: [{model: half}, {model: \(folder["3.safetensors"])}]
        parameters: {weight: 1}
        """
    ).stages
    let staged = StagedMix(stages, output: folder["soup"])
    let plan = try staged.mixEarlierStages(with: Mixer())
    try Mixer().mix(
      plan, to: CheckpointDestination(folder["soup"]), companions: FolderCompanions(for: plan, name: "soup"))
    staged.remove()
    let card = try String(contentsOfFile: folder["soup/README.md"], encoding: .utf8)
    let yaml = try #require(card.split(separator: "```yaml\n").last?.split(separator: "```").first)
    #expect(try RecipeFile(yaml: String(yaml)).stages.map(\.name) == ["half", nil])
  }

  @Test func aFolderWithFilesIsReplacedOnlyWhenAllowedAndKeepsWhatIsNoWeight() throws {
    let target = CheckpointDestination(folder: folder["soup"], shardSize: 100_000)
    try Mixer().mix(MixPlan(recipe), to: target)
    try Data("mine".utf8).write(to: URL(filePath: folder["soup/LICENSE"]))
    let before = try contents("soup")
    let error = #expect(throws: CheckpointError.self) {
      try Mixer().mix(MixPlan(recipe), to: target, replacing: false)
    }
    #expect(error?.code == .exists)
    #expect(try contents("soup") == before)
    try Mixer().mix(MixPlan(recipe), to: CheckpointDestination(folder: folder["soup"]))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder["soup"]).sorted() == ["LICENSE", "model.safetensors"])
    #expect(try String(contentsOfFile: folder["soup/LICENSE"], encoding: .utf8) == "mine")
    #expect(try folder.contents.filter { $0.hasPrefix(".") } == [])
  }

  @Test func aFolderWithFoldersIsNotReplaced() throws {
    try FileManager.default.createDirectory(atPath: folder["soup/runs"], withIntermediateDirectories: true)
    let error = #expect(throws: CheckpointError.self) {
      try Mixer().mix(MixPlan(recipe), to: CheckpointDestination(folder["soup"]))
    }
    #expect(error?.code == .cannotWrite && error?.description.contains("runs") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder["soup"]) == ["runs"])
  }

  @Test func aSoupMayTakeThePlaceOfItsIngredient() throws {
    try Mixer().mix(MixPlan(recipe), to: CheckpointDestination(folder["a"]))
    let expected = try Mixer().mix(.uniform([folder["a"], folder["2.safetensors"]]))
    try Mixer().mix(MixPlan(.uniform([folder["a"], folder["2.safetensors"]])), to: CheckpointDestination(folder["a"]))
    #expect(try Checkpoint(contentsOf: folder["a"]).stateDict().contents == expected.contents)
  }

  @Test func aFileIsNotDivided() throws {
    #expect(throws: CheckpointError.self) { try CheckpointDestination(folder["x.safetensors"], shardSize: 5) }
  }

  private func contents(_ name: String) throws -> [String: Data] {
    let path = folder[name]
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      return try [name: Data(contentsOf: URL(filePath: path))]
    }
    return Dictionary(
      uniqueKeysWithValues: try names.map { ($0, try Data(contentsOf: URL(filePath: path + "/" + $0))) })
  }
}

/// A program, run for its exit status.
private enum SoupProcess {
  static func run(_ program: String, _ arguments: [String]) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }
}

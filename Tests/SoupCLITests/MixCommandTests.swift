import Foundation
import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

@Suite struct MixCommandTests {
  let models = (1...3).map { fixture("merges/m\($0).float32.safetensors") }

  @Test func mixesWhatTheOptionsSay() throws {
    let folder = try TemporaryFolder()
    let cases: [(recipe: Recipe, arguments: [String])] = [
      (.uniform(models), models),
      (.uniform(models), models + ["--uniform", "--threads", "1"]),
      (.weighted(zip(models, [1, 2.5, -0.5]).map { ($0, $1) }), models + ["--weights", "1,2.5,-0.5"]),
      (
        .weighted(zip(models, [1, 2, 3]).map { ($0, $1) }, normalize: false),
        models + ["--weights", "1,2,3", "--no-normalize"]
      ),
      (.interpolate(models[0], models[1], alpha: 0.3), Array(models[..<2]) + ["--alpha", "0.3"]),
    ]
    for (recipe, arguments) in cases {
      let result = try SoupProgram.run(
        SoupProgram.path, ["mix"] + arguments + ["-o", folder["soup.safetensors"], "--force"], in: nil)
      #expect(result.status == 0, "\(result.errors)")
      try Mixer().mix(recipe, to: folder["expected.safetensors"])
      #expect(
        FileManager.default.contentsEqual(atPath: folder["soup.safetensors"], andPath: folder["expected.safetensors"]))
    }
  }

  @Test func aFolderAndAPatternAreTheirFilesInOrder() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder["runs"], withIntermediateDirectories: true)
    for (name, model) in zip(["b", "a", "c"], models) {
      try FileManager.default.copyItem(atPath: model, toPath: folder["runs/\(name).safetensors"])
    }
    try Data("x".utf8).write(to: URL(filePath: folder["runs/notes.txt"]))
    for name in ["runs", "runs/", "runs/*.safetensors", "r?ns/[abc].safetensors"] {
      let result = try SoupProgram.run(
        "mix", name, "--weights", "1,2,3", "-o", "soup.safetensors", "--force", "--json", in: folder.path)
      let recipe = result.outputJSON["recipe"] as? [String: Any]
      let ingredients = recipe?["ingredients"] as? [[String: Any]]
      #expect(ingredients?.compactMap { $0["path"] as? String } == ["a", "b", "c"].map { "runs/\($0).safetensors" })
      #expect(ingredients?.compactMap { $0["weight"] as? Double } == [1, 2, 3])
    }
  }

  @Test func theJSONResultIsTheOnlyOutput() throws {
    let folder = try TemporaryFolder()
    let result = try SoupProgram.run("mix", models[0], models[1], "-o", folder["soup.safetensors"], "--json")
    #expect(result.output.split(separator: "\n").count == 1)
    let report = result.outputJSON["report"] as? [String: Any]
    #expect(report?["ingredients"] as? Int == 2 && report?["tensors"] as? Int == 7)
    let size = try FileManager.default.attributesOfItem(atPath: folder["soup.safetensors"])[.size] as? Int
    #expect(report?["outputBytes"] as? Int == size)
    #expect(result.outputJSON["warnings"] as? [String] == [])
    for line in result.errors.split(separator: "\n") {
      #expect(SoupProgram.object(String(line))["event"] as? String == "progress")
    }
  }

  @Test func quietSaysNothing() throws {
    let folder = try TemporaryFolder()
    let result = try SoupProgram.run("mix", models[0], "-o", folder["soup.safetensors"], "-q")
    #expect(result.status == 0 && result.output.isEmpty && result.errors.isEmpty)
  }

  @Test func anExistingOutputIsKeptUnlessForced() throws {
    let folder = try TemporaryFolder()
    try Data("precious".utf8).write(to: URL(filePath: folder["soup.safetensors"]))
    let refused = try SoupProgram.run("mix", models[0], "-o", folder["soup.safetensors"])
    #expect(refused.status == 1 && refused.errors.contains("--force"))
    #expect(try String(contentsOfFile: folder["soup.safetensors"], encoding: .utf8) == "precious")
    #expect(try SoupProgram.run("mix", models[0], "-o", folder["soup.safetensors"], "--force").status == 0)
    #expect(try Checkpoint(contentsOf: folder["soup.safetensors"]).entries.count == 7)
  }

  @Test func anIngredientMayBeReplacedByTheSoup() throws {
    let folder = try TemporaryFolder()
    for index in 0..<2 { try FileManager.default.copyItem(atPath: models[index], toPath: folder["\(index)"]) }
    #expect(try SoupProgram.run("mix", "0", "1", "-o", "0", in: folder.path).status == 1)
    #expect(FileManager.default.contentsEqual(atPath: folder["0"], andPath: models[0]))
    #expect(try SoupProgram.run("mix", "0", "1", "-o", "0", "--force", in: folder.path).status == 0)
    let expected = try Mixer().mix(.uniform(Array(models[..<2])))
    #expect(try Checkpoint(contentsOf: folder["0"]).tensor("scale").floats() == expected["scale"]?.floats())
  }

  @Test func notANumberIsAWarningWithNames() throws {
    let folder = try TemporaryFolder()
    var dict = try Checkpoint(contentsOf: models[0]).stateDict()
    dict["layers.0.attn.bias"] = try HostTensor(floats: Array(repeating: .nan, count: 16), shape: [16])
    try CheckpointWriter.write(dict, to: folder["bad"])
    let result = try SoupProgram.run("mix", folder["bad"], models[1], "-o", folder["soup.safetensors"])
    #expect(result.status == 0)
    let warning = result.errors.split(separator: "\n").first { $0.hasPrefix("soup: warning:") } ?? ""
    #expect(warning.contains(folder["bad"]) && warning.contains("layers.0.attn.bias (16)"))
    #expect(!warning.contains(models[1]))
  }

  @Test func everyMismatchIsPrinted() throws {
    let folder = try TemporaryFolder()
    let pytorch = fixture("checkpoints/pytorch.safetensors")
    let result = try SoupProgram.run("mix", models[0], pytorch, "-o", folder["soup.safetensors"])
    #expect(result.status == 1)
    for entry in try Checkpoint(contentsOf: models[0]).entries {
      #expect(result.errors.contains("\(entry.name) is missing"))
    }
    for entry in try Checkpoint(contentsOf: pytorch).entries {
      #expect(result.errors.contains("\(entry.name) is not in the first ingredient"))
    }
    #expect(try folder.contents.isEmpty)
  }

  @Test func everyNameThatLeadsNowhereIsListed() throws {
    let folder = try TemporaryFolder()
    let result = try SoupProgram.run("mix", "nothing", folder.path, "no*", "-o", folder["soup.safetensors"])
    #expect(result.status == 1)
    #expect(
      result.errors.contains("nothing: no such") && result.errors.contains("without *.safetensors")
        && result.errors.contains("no*: matches no file"))
  }

  @Test func aMissingOutputFolderIsAnError() throws {
    let folder = try TemporaryFolder()
    let result = try SoupProgram.run("mix", models[0], "-o", folder["none/soup"])
    #expect(result.status == 1 && result.errors.contains("the folder '\(folder["none"])' does not exist"))
  }

  @Test func anUnreadableFolderIsAnError() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder["locked"], withIntermediateDirectories: true)
    try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: folder["locked"])
    // Root may read everything, so it has to become nobody first.
    let prefix = getuid() == 0 ? "exec setpriv --reuid 65534 --clear-groups " : "exec "
    let result = try SoupProgram.shell(prefix + "$SOUP mix locked -o soup.safetensors", in: folder.path)
    #expect(result.status == 1)
    #expect(result.errors.contains("locked: the folder cannot be read: Permission denied"))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder["locked"])
  }
}

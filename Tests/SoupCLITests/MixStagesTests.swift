import Foundation
import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

/// Recipes of several stages.
@Suite struct MixStagesTests {
  private func write(_ text: String, to path: String) throws { try Data(text.utf8).write(to: URL(filePath: path)) }

  private let recipe = """
    stages:
      - name: halves
        merge_method: linear
        models:
          - {model: \(fixture("merges/m1.float32.safetensors")), parameters: {weight: 1}}
          - {model: \(fixture("merges/m2.float32.safetensors")), parameters: {weight: 1}}
        dtype: float64
      - merge_method: slerp
        base_model: halves
        models: [{model: \(fixture("merges/m3.float32.safetensors"))}]
        parameters: {t: 0.3}
        dtype: float32
    """

  @Test func aLaterStageUsesAnEarlierResult() throws {
    let folder = try TemporaryFolder()
    try write(recipe, to: folder["two.yml"])
    for output in ["a.pt", "b.pt"] {
      let result = try SoupProgram.run("mix", "two.yml", "-o", output, "--threads", "1", in: folder.path)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.errors.contains("stage halves") && result.errors.contains("into \(output)"))
    }
    #expect(
      try folder.contents == ["a.pt", "a.pt.lock", "b.pt", "b.pt.lock", "two.yml"], "nothing is left of the stages")
    #expect(FileManager.default.contentsEqual(atPath: folder["a.pt"], andPath: folder["b.pt"]))

    let stages = try RecipeFile(contentsOf: folder["two.yml"]).stages
    try Mixer().mix(stages[0].recipe, to: folder["halves.safetensors"])
    let expected = try Mixer().mix(stages[1].recipe.replacing(paths: ["halves": folder["halves.safetensors"]]))
    let soup = try Checkpoint(contentsOf: folder["a.pt"])
    for (name, tensor) in expected { #expect(try soup.tensor(name).doubles() == tensor.doubles()) }
    #expect(soup.metadata["soup.stages"]?.contains("\"name\":\"halves\"") == true)
    #expect(soup.metadata["soup.recipe"]?.contains("\"base\":\"halves\"") == true)
  }

  @Test func anOutputThatExistsIsFoundBeforeAnyStageIsMixed() throws {
    let folder = try TemporaryFolder()
    try write(recipe, to: folder["two.yml"])
    try write("precious", to: folder["soup.pt"])
    let result = try SoupProgram.run("mix", "two.yml", "-o", "soup.pt", in: folder.path)
    #expect(result.status == 1 && result.errors.contains("--force") && !result.errors.contains("Mixed"))
    #expect(try folder.contents == ["soup.pt", "two.yml"])
  }

  @Test func aSoupOfSeveralStagesIsMadeAgainFromItsLock() throws {
    let folder = try TemporaryFolder()
    try write(recipe, to: folder["two.yml"])
    #expect(try SoupProgram.run("mix", "two.yml", "-o", "soup.pt", in: folder.path).status == 0)
    let again = try SoupProgram.run("replay", "soup.pt", in: folder.path)
    #expect(again.status == 0 && (again.output + again.errors).contains("the same bytes"))
  }

  @Test func checkNeedsNoStageToBeMixed() throws {
    let folder = try TemporaryFolder()
    try write(recipe, to: folder["two.yml"])
    let good = try SoupProgram.run("check", "two.yml", in: folder.path)
    #expect(good.status == 0, "\(good.output)")
    #expect(good.output.contains("Stage halves") && good.output.components(separatedBy: "can be mixed").count == 3)
    // The second stage cannot: another model.
    let other = recipe.replacing("m3.float32.safetensors", with: "../checkpoints/pytorch.safetensors")
    try write(other, to: folder["bad.yml"])
    for command in [["check", "bad.yml"], ["mix", "bad.yml", "-o", "soup"]] {
      let bad = try SoupProgram.run(SoupProgram.path, command, in: folder.path)
      #expect(bad.status == 1)
      #expect((bad.output + bad.errors).contains("embed.weight is not in the first ingredient"))
    }
    #expect(try folder.contents == ["bad.yml", "two.yml"])
  }

  /// Two mixes with the same output would take each other's stages away.
  @Test func aSecondMixOfTheSameStagesIsRefused() throws {
    let folder = try TemporaryFolder()
    try write(recipe, to: folder["two.yml"])
    let stages = folder[".soup.pt.stages"]
    try FileManager.default.createDirectory(atPath: stages, withIntermediateDirectories: false)
    try write("another's", to: stages + "/halves-1.safetensors")
    let descriptor = open(stages, O_RDONLY)
    #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
    let refused = try SoupProgram.run("mix", "two.yml", "-o", "soup.pt", in: folder.path)
    #expect(refused.status == 1 && refused.errors.contains("is in use"), "\(refused.errors)")
    #expect(try folder.contents.contains(".soup.pt.stages") && !folder.contents.contains("soup.pt"))
    #expect(FileManager.default.fileExists(atPath: stages + "/halves-1.safetensors"))
    close(descriptor)
    #expect(try SoupProgram.run("mix", "two.yml", "-o", "soup.pt", in: folder.path).status == 0)
    #expect(try folder.contents == ["soup.pt", "soup.pt.lock", "two.yml"])
  }

  /// What a killed process mixed is used by the next one; Ctrl-C leaves nothing.
  @Test(arguments: ["INT", "KILL"]) func aStageThatIsMixedStaysMixedUntilTheEnd(name: String) throws {
    let folder = try TemporaryFolder()
    // Long enough for the signal to arrive.
    #if DEBUG
      let count = 1 << 19
    #else
      let count = 1 << 24
    #endif
    let layout = try SafetensorsLayout([.init(name: "x", dtype: .float32, shape: [count])])
    try Data(layout.header).write(to: URL(filePath: folder["big"]))
    #expect(truncate(folder["big"], layout.fileSize) == 0)
    let many = String(repeating: "- {model: big, parameters: {weight: 1}}\n", count: 100)
    try write(
      """
      name: first
      merge_method: linear
      models:
      - {model: big, parameters: {weight: 1}}
      ---
      merge_method: linear
      models:
      - {model: first, parameters: {weight: 1}}
      \(many)
      """, to: folder["two.yml"])
    signal(SIGINT, SIG_DFL)
    let script = """
      ( for i in $(seq 6000); do
          case "$(ls .soup.safetensors.stages 2>/dev/null)$(ls -A)" in *first-*.partial*) kill -\(name) $$; exit;; esac
          sleep 0.01
        done ) &
      exec $SOUP mix two.yml -o soup.safetensors -q
      """
    let killed = try SoupProgram.shell(script, in: folder.path)
    #expect(killed.wasKilled)
    if name == "INT" {
      // On a busy machine the signal may come when the soup is there already.
      #expect(try folder.contents.filter { $0 != "soup.safetensors" } == ["big", "two.yml"])
    } else {
      let kept = try FileManager.default.contentsOfDirectory(atPath: folder[".soup.safetensors.stages"])
      #expect(kept.count == 1 && kept[0].hasPrefix("first-"))
      let rest = try SoupProgram.run("mix", "two.yml", "-o", "soup.safetensors", "--force", in: folder.path)
      #expect(rest.status == 0 && !rest.errors.contains("stage first"), "it is not mixed again")
      #expect(try folder.contents == ["big", "soup.lock", "soup.safetensors", "two.yml"])
    }
  }
}

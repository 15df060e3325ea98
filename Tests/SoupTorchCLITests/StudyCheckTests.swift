import Foundation
import Testing

/// Before a study runs anything, `soup` itself reads every command that it leads to.
@Suite struct StudyCheckTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func dryRun(_ study: String, in directory: String? = nil) throws -> SoupProgram.Result {
    try SoupProgram.run(
      SoupProgram.path, ["study", "run", study, "--dry-run", "--folder", folder["runs"]], in: directory ?? folder.path)
  }

  @Test func wordsThatSoupDoesNotKnowStopAStudyAtItsStart() throws {
    let yaml = """
      data: fashion-mnist:data
      base: {model: resnet8, epochs: 1}
      ingredients: {count: 3, settings: {lr: {uniform: [0.01, 0.1]}, weightdecay: 1e-4}}
      soups: {learned: {metric: loss}, greedy: {}}
      evaluate:
        test:
        foggy: {shift: cifar-c, severety: 3}
      steps:
        line: {command: [landscape, line, "{base}", "{greedy}", --point, "3"]}
      """
    try FileManager.default.createDirectory(atPath: folder["data"], withIntermediateDirectories: true)
    try Data(yaml.utf8).write(to: URL(filePath: folder["s.yaml"]))
    let result = try SoupProgram.run(SoupProgram.path, ["study", "run", "s.yaml"], in: folder.path)
    #expect(result.status == 1)
    for mistake in [
      "ingredient-01 and 2 more: Unknown option '--weightdecay'", "learned: Unknown option '--metric'",
      "Unknown option '--severety'", "line: Unknown option '--point'",
    ] { #expect(result.errors.contains(mistake), "\(result.errors)") }
    #expect(!result.errors.contains("greedy: "))
    // Nothing was begun.
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder["runs/s/runs"]).isEmpty)
    #expect(!FileManager.default.fileExists(atPath: folder["runs/s/runs/base"]))
  }

  /// The presets that come with the program lead to commands that it understands.
  @Test(arguments: ["demo", "model-soups-small", "self-soup-small", "tasty-small"])
  func presetsAreUnderstood(_ name: String) throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    // What it reads need not be there: files of no content stand in for it.
    for part in ["train-images", "train-labels", "t10k-images", "t10k-labels"] {
      try FileManager.default.createDirectory(
        atPath: folder["data/fashion-mnist"], withIntermediateDirectories: true)
      _ = FileManager.default.createFile(atPath: folder["data/fashion-mnist/\(part)-idx3-ubyte"], contents: nil)
    }
    let result = try dryRun(root.path + "/Studies/\(name).yaml")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("soup train"))
  }
}

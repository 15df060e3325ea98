import Foundation
import Testing

/// The help texts are part of the interface: a change shows in the diff of `Tests/Fixtures/help`.
/// After an intended change: `for c in align check compare convert diff inspect mix replay verify; do soup $c --help > Tests/Fixtures/help/$c.txt; done`.
@Suite struct HelpTests {
  @Test(arguments: [
    "inspect", "check", "diff", "compare", "mix", "align", "convert", "verify", "replay", "report",
    "analyze model-soups", "analyze pairs",
    "data corrupt", "data corruptions", "data list", "data info", "data fetch",
  ])
  func helpIsAsReviewed(command: String) throws {
    let words = command.split(separator: " ").map(String.init)
    let golden = try String(contentsOfFile: fixture("help/\(words.joined(separator: "-")).txt"), encoding: .utf8)
    #expect(try SoupProgram.run(SoupProgram.path, words + ["--help"], in: nil).output == golden)
    #expect(try SoupProgram.run(SoupProgram.path, ["help"] + words, in: nil).output == golden)
    #expect(golden.split(separator: "\n").allSatisfy { $0.count <= 88 })
  }

  @Test func theRootNamesEveryCommand() throws {
    let help = try SoupProgram.run("--help")
    #expect(help.status == 0 && help.errors.isEmpty)
    for command in [
      "inspect", "mix", "convert", "verify", "replay", "train", "evaluate", "season", "taste", "landscape",
    ] {
      #expect(help.output.contains("\n  \(command) "), "\(command)")
    }
  }

  @Test(arguments: [
    ["mix"], ["mix", "a"], ["mix", "-o", "x"], ["mix", "a", "-o", "x", "--weights", "1,,2"], ["bogus"],
    ["mix", "a", "-o", "x", "--weights", "1,nan"], ["mix", "a", "b", "-o", "x", "--alpha", "1", "--uniform"],
    ["mix", "a", "-o", "x", "--dtype", "int8"], ["mix", "a", "-o", "x", "--threads", "0"], ["inspect"],
    ["inspect", "--bogus", "x"], ["mix", "a", "-o", "x", "--no-normalize"],
  ])
  func aCommandLineThatMakesNoSenseExitsWith2(arguments: [String]) throws {
    let result = try SoupProgram.run(SoupProgram.path, arguments, in: nil)
    #expect(result.status == 2)
    #expect(result.output.isEmpty)
    #expect(result.errors.hasPrefix("soup: error: ") && result.errors.contains("--help"))
  }

  @Test func numbersThatDoNotFitTheFilesExitWith2Too() throws {
    let folder = try TemporaryFolder()
    for (name, arguments) in [("--weights", "1,2,3"), ("--alpha", "0.5")] {
      let file = fixture("merges/m1.float32.safetensors")
      let result = try SoupProgram.run("mix", file, "-o", folder["x"], name, arguments)
      #expect(result.status == 2)
      #expect(result.errors.contains(name))
    }
    #expect(try folder.contents.isEmpty)
  }
}

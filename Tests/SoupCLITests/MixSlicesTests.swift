import Foundation
import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

/// Layers of the soup from layers of the ingredients, on the command line.
@Suite struct MixSlicesTests {
  private func model(_ folder: TemporaryFolder, _ name: String, layers: Int, value: Float) throws {
    var dict = StateDict()
    try dict.add("embed.weight", HostTensor(floats: [value, value], shape: [2]))
    for layer in 0..<layers {
      try dict.add("layers.\(layer).weight", HostTensor(floats: [value, Float(layer)], shape: [2]))
    }
    try CheckpointWriter.write(dict, to: folder[name])
  }

  private func soup(_ folder: TemporaryFolder, _ arguments: String...) throws -> StateDict {
    let result = try SoupProgram.run(
      SoupProgram.path, ["mix", "-q", "--force", "--lock", "none", "-o", "soup.safetensors"] + arguments,
      in: folder.path)
    #expect(result.status == 0, "\(result.errors)")
    return try Checkpoint(contentsOf: folder["soup.safetensors"]).stateDict()
  }

  @Test func layersAreStackedInTheOrderOfTheOptions() throws {
    let folder = try TemporaryFolder()
    try model(folder, "a", layers: 3, value: 1)
    try model(folder, "b=1+x", layers: 4, value: 2)
    let soup = try soup(
      folder, "--method", "passthrough", "--slice", "a=0:2", "--slice", "b=1+x=2:4", "--slice", "a=2:3")
    let found = (0..<5).map { soup["layers.\($0).weight"]?.floats() }
    #expect(found == [[1, 0], [1, 1], [2, 2], [2, 3], [1, 2]])
    #expect(soup["layers.5.weight"] == nil)
  }

  @Test func sourcesOfOneSliceAreMixedWithItsOwnNumbers() throws {
    let folder = try TemporaryFolder()
    try model(folder, "a", layers: 2, value: 1)
    try model(folder, "b", layers: 2, value: 3)
    let options = ["--weights", "1", "--slice", "a=0:1+b=0:1;weight=1,3", "--slice", "a=1:2+b=1:2"]
    let soup = try soup(folder, options[0], options[1], options[2], options[3], options[4], options[5])
    #expect(soup["layers.0.weight"]?.floats() == [2.5, 0])
    #expect(soup["layers.1.weight"]?.floats() == [2, 1])
    // The same as a recipe.
    let recipe = try SoupProgram.run(SoupProgram.path, ["mix", "--print-recipe"] + options, in: folder.path)
    #expect(recipe.status == 0 && recipe.output.contains("slices:"))
    try Data(recipe.output.utf8).write(to: URL(filePath: folder["recipe.yml"]))
    let again = try self.soup(folder, "recipe.yml")
    #expect(again.map { $0.1.floats() } == soup.map { $0.1.floats() })
  }

  @Test(arguments: [
    (["--slice", "a"], "not a file and its layers"), (["--slice", "a=2:1"], "not a file and its layers"),
    (["--slice", "a=0:1;weight"], "not a parameter"), (["--slice", "a=0:1;weight=1,2"], "2 numbers"),
    (["--slice", "a=0:1;bogus=1"], "has no 'bogus'"), (["a", "--slice", "a=0:1"], "leave out a"),
    (["--slice", "a=0:1", "--alpha", "0.5"], "Choose one of --slice and --alpha"),
  ])
  func slicesThatMakeNoSenseAreRefused(arguments: [String], reason: String) throws {
    let folder = try TemporaryFolder()
    try model(folder, "a", layers: 2, value: 1)
    let result = try SoupProgram.run(SoupProgram.path, ["mix", "-o", "soup.pt"] + arguments, in: folder.path)
    #expect(result.status == 2 && result.errors.contains(reason), "\(result.errors)")
  }
}

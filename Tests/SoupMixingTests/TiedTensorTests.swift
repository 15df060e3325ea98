import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

/// An embedding and the head tied to it stay one tensor.
@Suite struct TiedTensorTests {
  private func model(_ folder: TemporaryFolder, _ name: String, seed: UInt64) throws -> String {
    var numbers = Numbers(seed: seed)
    let embedding = try HostTensor(floats: numbers.floats(600), shape: [30, 20])
    let path = folder[name + ".pt"]
    let weight = try HostTensor(floats: numbers.floats(8), shape: [8])
    try CheckpointWriter.writePyTorch(
      StateDict([("embed.weight", embedding), ("w", weight), ("head.weight", embedding)]), to: path)
    return path
  }

  @Test(arguments: ["soup.pt", "soup.safetensors", "soup"]) func theyAreMixedAndStoredOnce(output: String) throws {
    let folder = try TemporaryFolder()
    let paths = try (1...3).map { try model(folder, "\($0)", seed: UInt64($0)) }
    // A random mask depends on the name: mixed twice, the two would differ.
    let recipe = Recipe.named(
      .dareLinear, paths.dropLast().map { Recipe.Ingredient($0, weight: 1) }, base: paths[2],
      parameters: ["density": 0.5])
    try Mixer().mix(recipe, to: folder[output])
    let soup = try Checkpoint(contentsOf: folder[output])
    #expect(soup.tiedNames == [["embed.weight", "head.weight"]])
    #expect(try soup.tensor("embed.weight").floats() == soup.tensor("head.weight").floats())
    #expect(soup.fileSize < 608 * 4 + 2000, "the bytes are there once")
    let inMemory = try Mixer().mix(recipe)
    #expect(try inMemory["head.weight"]?.floats() == soup.tensor("head.weight").floats())
    // A soup is an ingredient like any other.
    let again = try Mixer().mix(.uniform([folder[output], paths[0]]))
    #expect(Set(again.names) == ["embed.weight", "w", "head.weight"])
  }

  @Test func thoseThatAreNotTiedEverywhereAreTwo() throws {
    let folder = try TemporaryFolder()
    let tied = try model(folder, "tied", seed: 1)
    var numbers = Numbers(seed: 2)
    let untied = try folder.write(
      "untied.safetensors",
      ["embed.weight", "w", "head.weight"].map { name in
        (name, try HostTensor(floats: numbers.floats(name == "w" ? 8 : 600), shape: name == "w" ? [8] : [30, 20]))
      })
    try Mixer().mix(.uniform([tied, untied]), to: folder["soup.safetensors"])
    let soup = try Checkpoint(contentsOf: folder["soup.safetensors"])
    #expect(soup.tiedNames.isEmpty)
    #expect(try soup.tensor("embed.weight").floats() != soup.tensor("head.weight").floats())
  }
}

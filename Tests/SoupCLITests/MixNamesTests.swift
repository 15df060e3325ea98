import Foundation
import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

/// Options for names, roles, masks and importances.
@Suite struct MixNamesTests {
  private func write(_ folder: TemporaryFolder, _ name: String, _ values: KeyValuePairs<String, [Float]>) throws {
    try CheckpointWriter.write(
      StateDict(values.map { ($0.key, try HostTensor(floats: $0.value, shape: [$0.value.count])) }), to: folder[name])
  }

  private func values(_ folder: TemporaryFolder, _ arguments: String) throws -> [String: [Float]] {
    let words = arguments.split(separator: " ").map(String.init)
    let result = try SoupProgram.run(
      SoupProgram.path, ["mix"] + words + ["-o", "soup.safetensors", "--force", "-q"], in: folder.path)
    #expect(result.status == 0, "\(result.errors)")
    let soup = try Checkpoint(contentsOf: folder["soup.safetensors"]).stateDict()
    return Dictionary(uniqueKeysWithValues: soup.map { ($0.name, $0.tensor.floats()) })
  }

  @Test func differentHeadsOnOneEncoder() throws {
    let folder = try TemporaryFolder()
    try write(folder, "a", ["body": [1, 2], "head": [1]])
    try write(folder, "b", ["body": [3, 6], "head": [1, 2, 3]])
    try write(folder, "c", ["body": [5, 1], "decoder": [7]])
    let strict = try SoupProgram.run("mix", "a", "b", "c", "-o", "x.pt", in: folder.path)
    #expect(strict.status == 1 && strict.errors.contains("head has shape [3], expected [1]"))
    #expect(strict.errors.contains("head is missing") && strict.errors.contains("decoder is not in the first"))
    #expect(try values(folder, "a b c --names intersection") == ["body": [3, 3]])
    #expect(
      try values(folder, "a b c --names intersection --rest-from c") == ["body": [3, 3], "decoder": [7]])
    #expect(try values(folder, "a c --names union") == ["body": [3, 1.5], "head": [1], "decoder": [7]])
  }

  @Test func runningStatisticsHaveAPolicyOfTheirOwn() throws {
    let folder = try TemporaryFolder()
    for (name, value) in [("base", 0), ("a", 2), ("b", 4)] as [(String, Float)] {
      try write(folder, name, ["w": [value], "bn.running_mean": [value]])
    }
    let method = "a b --method task_arithmetic --base base"
    #expect(try values(folder, method) == ["w": [6], "bn.running_mean": [6]])
    #expect(try values(folder, method + " --running-statistics averaged") == ["w": [6], "bn.running_mean": [3]])
    #expect(try values(folder, method + " --running-statistics copied") == ["w": [6], "bn.running_mean": [0]])
  }

  @Test func masksAndImportancesAreCheckpoints() throws {
    let folder = try TemporaryFolder()
    try write(folder, "base", ["w": [0, 0, 0]])
    try write(folder, "a", ["w": [1, 2, 3]])
    try write(folder, "b", ["w": [10, 20, 30]])
    try write(folder, "first", ["w": [1, 0, 0]])
    try write(folder, "last", ["w": [0, 0, 0.5]])
    let sum = "a b --method task_arithmetic --base base"
    #expect(try values(folder, sum + " --mask first") == ["w": [11, 0, 0]])
    #expect(try values(folder, sum + " --mask - --mask last") == ["w": [1, 2, 33]])
    #expect(try values(folder, sum + " --weights=-1,0.5") == ["w": [4, 8, 12]])
    #expect(
      try values(folder, "a b --method fisher --importance first --importance last") == ["w": [1, 11, 30]])
  }

  @Test func theBaseInAFolderOfModelsIsNotAModel() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder["runs"], withIntermediateDirectories: true)
    for (name, value) in [("a", 1), ("b", 3), ("base", 1)] as [(String, Float)] {
      try write(folder, "runs/\(name).safetensors", ["w": [value]])
    }
    #expect(
      try values(folder, "runs --method task_arithmetic --base ./runs/base.safetensors --weights 5,7") == ["w": [15]])
  }
}

import Foundation
import SoupCheckpoints
import SoupTensors
import Testing

@Suite struct CompareCommandTests {
  private func write(_ folder: TemporaryFolder, _ name: String, _ values: [Float]) throws {
    try CheckpointWriter.write(
      StateDict([("w", HostTensor(floats: values, shape: [values.count]))]), to: folder[name + ".safetensors"])
  }

  /// Three vectors at angles that everyone knows.
  @Test func aTableACSVAndJSONSayTheSame() throws {
    let folder = try TemporaryFolder()
    try write(folder, "a", [3, 0])
    try write(folder, "b", [0, 4])
    try write(folder, "c, d", [3, 3])
    let table = try SoupProgram.run("compare", folder.path, "--csv", folder["out.csv"])
    #expect(table.status == 0, "\(table.errors)")
    let lines = table.output.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
    #expect(lines[0] == "a b L2 relative cosine angle ° soup?")
    #expect(lines[1] == "a c, d 3 0.82843 0.707107 45 maybe")
    #expect(lines[3].hasPrefix("a b 5 1.4286 0.000000 90 no"))
    #expect(table.output.contains("Soup? 0 likely, 2 maybe, 1 no."))

    let csv = try String(contentsOfFile: folder["out.csv"], encoding: .utf8).split(separator: "\n")
    #expect(csv.count == 4 && csv[0] == "key_a,key_b,l2_distance,relative_l2,cosine_similarity,angle")
    #expect(csv[1].hasPrefix("a,b,5.0,") && csv[2].hasPrefix("a,\"c, d\",3"))

    let json = try SoupProgram.run("compare", folder.path, "--json").outputJSON
    let pairs = try #require(json["pairs"] as? [[String: Any]])
    #expect(pairs.count == 3 && pairs[0]["l2_distance"] as? Double == 5)
    #expect((pairs[0]["soup"] as? [String: Any])?["verdict"] as? String == "no")
    #expect(Set(try #require(json["order"] as? [String])) == ["a", "b", "c, d"])
    #expect(json["elements"] as? Int == 2)
  }

  @Test func aBaseAddsTaskVectors() throws {
    let folder = try TemporaryFolder()
    for (name, values) in [("base", [Float(1), 1, 1]), ("x/a", [2, 1, 3]), ("x/b", [3, 1, 0])] {
      try FileManager.default.createDirectory(atPath: folder["x"], withIntermediateDirectories: true)
      try write(folder, name, values)
    }
    let result = try SoupProgram.run("compare", folder["x"], "--base", folder["base.safetensors"], "--json")
    let pair = try #require((result.outputJSON["pairs"] as? [[String: Any]])?.first)
    // u = (1, 0, 2), v = (2, 0, -1): orthogonal, one of two signs equal.
    #expect(abs(try #require(pair["task_cosine"] as? Double)) < 1e-7)
    #expect(abs(try #require(pair["task_angle"] as? Double) - 90) < 1e-5)
    #expect(pair["sign_agreement"] as? Double == 0.5)
  }

  @Test func everyMismatchIsListed() throws {
    let folder = try TemporaryFolder()
    try write(folder, "a", [1, 2])
    try write(folder, "b", [1, 2, 3])
    try write(folder, "c", [1])
    let result = try SoupProgram.run("compare", folder.path)
    #expect(result.status == 1 && result.errors.contains("--common"))
    for found in ["[3], expected [2]", "[1], expected [2]"] { #expect(result.errors.contains(found)) }
  }

  @Test(arguments: [
    (["compare"], "Name the checkpoints"), (["compare", "a", "--top", "-1"], "--top"),
    (["compare", "a", "--images", "1"], "--images"),
  ])
  func aCommandLineThatMakesNoSenseSaysSo(arguments: [String], message: String) throws {
    let result = try SoupProgram.run(SoupProgram.path, arguments, in: nil)
    #expect(result.status == 2 && result.errors.contains(message), "\(result.errors)")
  }

  @Test func whatCannotBeUsedIsNamed() throws {
    let folder = try TemporaryFolder()
    try write(folder, "a", [1, 2])
    #expect(try SoupProgram.run("compare", folder["a.safetensors"]).errors.contains("two checkpoints"))
    try write(folder, "b", [1, 3])
    let sort = try SoupProgram.run("compare", folder.path, "--sort", "kl_logits")
    #expect(sort.status == 1 && sort.errors.contains("cosine_similarity"))
    try Data("{}".utf8).write(to: URL(filePath: folder["p.json"]))
    let predictor = try SoupProgram.run("compare", folder.path, "--predictor", folder["p.json"])
    #expect(predictor.status == 1 && predictor.errors.contains("soup analyze pairs --predictor"))
  }
}

import Foundation
import SoupCheckpoints
import SoupTensors
import Testing

@Suite struct CheckCommandTests {
  let models = (1...3).map { fixture("merges/m\($0).float32.safetensors") }

  @Test func goodIngredientsExitWith0() throws {
    let result = try SoupProgram.run(SoupProgram.path, ["check"] + models + ["--values"], in: nil)
    #expect(result.status == 0 && result.errors.isEmpty)
    #expect(result.output.hasSuffix("These can be mixed.\n"))
    for model in models { #expect(result.output.contains(model)) }
  }

  @Test func problemsExitWith1AndAreAllPrinted() throws {
    let folder = try TemporaryFolder()
    let other = fixture("checkpoints/pytorch.safetensors")
    let result = try SoupProgram.run("check", models[0], other, "-o", folder["none/soup"])
    #expect(result.status == 1)
    for entry in try Checkpoint(contentsOf: models[0]).entries {
      #expect(result.output.contains("  \(entry.name) is missing\n"))
    }
    #expect(result.output.contains("the folder '\(folder["none"])' does not exist"))
    let json = try SoupProgram.run("check", models[0], other, "-o", folder["none/soup"], "--json")
    #expect(json.status == 1 && json.outputJSON["canMix"] as? Bool == false)
    let findings = json.outputJSON["findings"] as? [[String: Any]] ?? []
    #expect(findings.contains { $0["code"] as? String == "output" })
    #expect(findings.filter { $0["code"] as? String == "missing-tensor" }.count == 7)
  }

  /// What the check says the output will take is what the mix then writes, shard by shard.
  @Test func theSizeOfShardsIsKnown() throws {
    let folder = try TemporaryFolder()
    var sizes: [Int] = []
    for options in [[], ["--shard-size", "1KB"], ["--format", "pytorch"]] {
      let words = models + ["-o", folder["soup"], "--json", "--force"] + options
      let check = try SoupProgram.run(SoupProgram.path, ["check"] + words, in: nil)
      let mix = try SoupProgram.run(SoupProgram.path, ["mix", "--threads", "1"] + words, in: nil)
      #expect(check.status == 0 && mix.status == 0, "\(check.errors)\(mix.errors)")
      let written = (mix.outputJSON["report"] as? [String: Any])?["outputBytes"] as? Int
      let said = try #require(check.outputJSON["outputBytes"] as? Int)
      #expect(said == written)
      sizes.append(said)
    }
    #expect(Set(sizes).count == 3)
  }
}

@Suite struct DiffCommandTests {
  let a = fixture("merges/m1.float32.safetensors")
  let b = fixture("merges/m2.float32.safetensors")

  @Test func printsATableWithTheMostChangedFirst() throws {
    let result = try SoupProgram.run("diff", a, b, "--base", fixture("merges/m3.float32.safetensors"))
    #expect(result.status == 0 && result.errors.isEmpty)
    let json = try SoupProgram.run("diff", a, b, "--json").outputJSON
    let tensors = json["tensors"] as? [[String: Any]] ?? []
    let order = tensors.filter { $0["changed"] as? Int != 0 }
      .sorted { ($0["relativeDistance"] as? Double ?? 0) > ($1["relativeDistance"] as? Double ?? 0) }
      .compactMap { $0["name"] as? String }
    let lines = result.output.split(separator: "\n").dropFirst().prefix(order.count)
    #expect(order.count > 3)
    #expect(lines.map { String($0.prefix { $0 != " " }) } == order)
  }

  @Test func checkExitsWith1IfAnythingDiffers() throws {
    #expect(try SoupProgram.run("diff", a, a, "--check").status == 0)
    #expect(try SoupProgram.run("diff", a, b, "--check").status == 1)
    #expect(try SoupProgram.run("diff", a, b).status == 0)
    #expect(try SoupProgram.run("diff", a, a).output.hasSuffix("No value differs.\n"))
  }
}

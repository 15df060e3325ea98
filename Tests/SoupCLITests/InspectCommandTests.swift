import Foundation
import SoupCheckpoints
import SoupTensors
import Testing

@Suite struct InspectCommandTests {
  @Test func totalsAndMetadata() throws {
    let result = try SoupProgram.run("inspect", fixture("merges/m1.bfloat16.safetensors"))
    #expect(result.status == 0 && result.errors.isEmpty)
    // 11*8 + 5*8 + 16 + 8*16 + 6*4*3*3 + 6 + 1
    #expect(result.output.contains("495 bfloat16"))
    #expect(result.output.contains("1.55 kB") && result.output.contains("format    pt"))
    #expect(!result.output.contains("embed.weight"))
  }

  @Test func everyTensorInATable() throws {
    let result = try SoupProgram.run("inspect", "--tensors", fixture("merges/m1.float32.safetensors"))
    let line = result.output.split(separator: "\n").first { $0.contains("conv") }
    #expect(line?.split(separator: " ").joined(separator: " ") == "layers.1.conv.weight float32 [6, 4, 3, 3] 216 864 B")
  }

  @Test func jsonOneLineAFile() throws {
    let files = ["merges/m1.float32.safetensors", "checkpoints/pytorch.safetensors"].map { fixture($0) }
    let result = try SoupProgram.run("inspect", "--json", "--values", files[0], files[1])
    let lines = result.output.split(separator: "\n").map { SoupProgram.object(String($0)) }
    #expect(lines.map { $0["file"] as? String } == files)
    let tensors = lines[1]["tensors"] as? [[String: Any]]
    let byte = tensors?.first { $0["name"] as? String == "byte" }
    #expect(byte?["dtype"] as? String == "uint8" && byte?["shape"] as? [Int] == [2])
    let values = byte?["values"] as? [String: Any]
    #expect(values?["maximum"] as? Double == 255 && values?["mean"] as? Double == 127.5)
  }

  @Test func valuesThatAreNotFiniteAreAWarning() throws {
    let folder = try TemporaryFolder()
    let tensor = try HostTensor(floats: [1, .nan, .infinity, -3], shape: [4])
    try CheckpointWriter.write(StateDict([("w", tensor)]), to: folder["x"])
    let result = try SoupProgram.run("inspect", "--values", folder["x"])
    #expect(result.status == 0)
    #expect(result.errors.contains("soup: warning: \(folder["x"]): w has 1 NaN and 1 infinite values"))
    let row = result.output.split(separator: "\n").last?.split(separator: " ").joined(separator: " ")
    #expect(row == "w float32 [4] 4 16 B -3 1 -1 2.236 0 1 1")
  }

  @Test func controlCharactersOfAFileDoNotReachTheTerminal() throws {
    let folder = try TemporaryFolder()
    try CheckpointWriter.write(StateDict(metadata: ["note": "\u{1B}[31mred\u{7}\nline"]), to: folder["x"])
    let result = try SoupProgram.run("inspect", folder["x"])
    #expect(result.output.contains(#"\u{1B}[31mred\u{07}\nline"#))
  }

  @Test func damageIsAnErrorWithExitCode1() throws {
    let folder = try TemporaryFolder()
    let whole = try Data(contentsOf: URL(filePath: fixture("merges/m1.float32.safetensors")))
    try whole.dropLast(1).write(to: URL(filePath: folder["cut"]))
    let result = try SoupProgram.run("inspect", folder["cut"])
    #expect(result.status == 1 && result.output.isEmpty)
    #expect(
      result.errors.hasPrefix("soup: error: \(folder["cut"]): has \(whole.count - 1) bytes, but its tensors need"))
  }
}

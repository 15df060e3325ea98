import Foundation
import Testing

@Suite struct DataCommandTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func write(_ bytes: [UInt8], _ name: String) throws {
    let file = URL(filePath: folder[name])
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
  }

  @Test func everyKnownSetIsListed() throws {
    let result = try SoupProgram.run("data", "list")
    #expect(result.status == 0)
    for name in ["mnist", "cifar10-c", "imagenet-v2", "objectnet"] { #expect(result.output.contains("\n\(name) ")) }
  }

  @Test func aFetchFromAMirrorIsCheckedRecordedAndNotRepeated() throws {
    for name in ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"] {
      try write([1, 2, 3], "mirror/fashion-mnist/\(name)-ubyte.gz")
    }
    let arguments = ["data", "fetch", "fashion-mnist", "--mirror", folder["mirror"], "--into", folder["set"]]
    let first = try SoupProgram.run(SoupProgram.path, arguments, in: nil)
    #expect(first.status == 0, "\(first.errors)")
    let sums = try String(contentsOfFile: folder["set/SHA256SUMS"], encoding: .utf8)
    // sha256sum of the bytes 1, 2, 3.
    #expect(
      sums.contains("039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81  t10k-images-idx3-ubyte.gz"))
    #expect(try SoupProgram.run(SoupProgram.path, arguments, in: nil).status == 0)
    // Another file under that name is noticed.
    try write([9], "set/t10k-images-idx3-ubyte.gz")
    let changed = try SoupProgram.run(SoupProgram.path, arguments, in: nil)
    #expect(changed.status == 1 && changed.errors.contains("SHA-256"))
  }

  @Test func aWrongFileOfAKnownSumIsRefused() throws {
    for name in ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"] {
      try write([1], "mirror/\(name)-ubyte.gz")
    }
    let result = try SoupProgram.run(
      "data", "fetch", "mnist", "--mirror", folder["mirror"], "--into", folder["set"])
    #expect(result.status == 1)
    #expect(result.errors.contains("440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"))
  }

  @Test func whatCannotBeFetchedIsExplained() throws {
    let licensed = try SoupProgram.run("data", "fetch", "imagenet", "--into", folder["x"])
    #expect(licensed.status == 1 && licensed.errors.contains("https://www.image-net.org"))
    let missing = try SoupProgram.run(
      "data", "fetch", "cifar10", "--mirror", folder["nothing"], "--into", folder["x"])
    #expect(missing.status == 1 && missing.errors.contains("cifar-10-binary.tar.gz"))
  }

  @Test func badImagesAreNamedAndDecideTheExitStatus() throws {
    try write([], "set/a/empty.png")
    try write(Array("GIF89a".utf8), "set/b/other.jpg")
    let data = "imagefolder:\(folder["set"])?part=train"
    let strict = try SoupProgram.run("data", "info", data, "--part", "train", "--check")
    #expect(strict.status == 1 && strict.output.contains("a/empty.png") && strict.output.contains("b/other.jpg"))
    let lenient = try SoupProgram.run(
      "data", "info", data, "--part", "train", "--check", "--on-bad-image", "skip", "--json")
    #expect(lenient.status == 0 && lenient.output.contains("\"bad\":[{"))
  }
}

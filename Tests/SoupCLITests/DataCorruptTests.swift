import Foundation
import Testing

/// `soup data corrupt` and `soup data corruptions`, run as a user would.
@Suite struct DataCorruptTests {
  /// Twelve images of 8 × 8 in IDX files, three classes.
  private static func dataset(_ folder: TemporaryFolder) throws -> String {
    for part in ["train", "t10k"] {
      let images = [UInt8]([0, 0, 8, 3, 0, 0, 0, 12, 0, 0, 0, 8, 0, 0, 0, 8]) + (0..<768).map { UInt8($0 * 37 % 256) }
      let labels = [UInt8]([0, 0, 8, 1, 0, 0, 0, 12]) + (0..<12).map { UInt8($0 % 3) }
      try Data(images).write(to: URL(filePath: folder["\(part)-images-idx3-ubyte"]))
      try Data(labels).write(to: URL(filePath: folder["\(part)-labels-idx1-ubyte"]))
    }
    return "idx:" + folder.path
  }

  private static func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: path))) }

  @Test func arraysAreThoseOfCIFARC() throws {
    let (input, output) = (try TemporaryFolder(), try TemporaryFolder())
    let result = try SoupProgram.run(
      "data", "corrupt", try Self.dataset(input), "-o", output["c"], "--corruption", "fog,impulse-noise", "--severity",
      "1,4", "--limit", "10", "--threads", "1", "--json", "-q")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.outputJSON["images"] as? Int == 40)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: output["c"]).sorted()
        == ["corruptions.json", "fog.npy", "impulse_noise.npy", "labels.npy"])
    let fog = try Self.bytes(output["c/fog.npy"])
    #expect(fog.count == 128 + 2 * 10 * 64)
    #expect(
      String(decoding: fog[10..<127], as: UTF8.self).contains("'|u1', 'fortran_order': False, 'shape': (20, 8, 8)"))
    let labels = try Self.bytes(output["c/labels.npy"])
    #expect(labels.count == 128 + 20 * 8)
    #expect((0..<20).map { Int(labels[128 + 8 * $0]) } == (0..<20).map { $0 % 10 % 3 })
  }

  @Test func theBytesDoNotDependOnThreadsAndFinishedArraysAreKept() throws {
    let (input, output) = (try TemporaryFolder(), try TemporaryFolder())
    let data = try Self.dataset(input)
    for (folder, threads) in [("a", "1"), ("b", "3")] {
      let result = try SoupProgram.run(
        "data", "corrupt", data, "-o", output[folder], "--corruption", "shot_noise,glass_blur", "--threads", threads,
        "-q")
      #expect(result.status == 0, "\(result.errors)")
    }
    for name in ["shot_noise.npy", "glass_blur.npy", "labels.npy"] {
      let isSame = try Self.bytes(output["a/\(name)"]) == Self.bytes(output["b/\(name)"])
      #expect(isSame)
    }
    // Interrupted: one array is missing.
    let before = try Self.bytes(output["a/shot_noise.npy"])
    try FileManager.default.removeItem(atPath: output["a/shot_noise.npy"])
    let again = try SoupProgram.run(
      "data", "corrupt", data, "-o", output["a"], "--corruption", "shot_noise,glass_blur", "--threads", "1", "--json",
      "-q")
    #expect(again.outputJSON["kept"] as? Int == 1)
    let isSame = try Self.bytes(output["a/shot_noise.npy"]) == before
    #expect(isSame)
    // Other images do not belong in the same folder.
    let other = try SoupProgram.run(
      "data", "corrupt", data, "-o", output["a"], "--corruption", "fog", "--seed", "1", "--threads", "1")
    #expect(other.status == 1 && other.errors.contains("another kind") && other.errors.contains("--force"))
    #expect(!FileManager.default.fileExists(atPath: output["a/fog.npy"]))
  }

  @Test func foldersAreThoseOfImageNetCAndLaionC() throws {
    let (input, output) = (try TemporaryFolder(), try TemporaryFolder())
    let result = try SoupProgram.run(
      "data", "corrupt", try Self.dataset(input), "-o", output["c"], "--corruption", "contrast,luminance_checkerboard",
      "--severity", "2", "--layout", "folders", "--threads", "1", "-q")
    #expect(result.status == 0, "\(result.errors)")
    for folder in ["contrast/2", "luminance_checkerboard/intensity_level_2"] {
      let classes = try FileManager.default.contentsOfDirectory(atPath: output["c/" + folder]).sorted()
      #expect(classes == ["0", "1", "2"])
      let files = try FileManager.default.contentsOfDirectory(atPath: output["c/\(folder)/1"]).sorted()
      #expect(files == ["00000001.JPEG", "00000004.JPEG", "00000007.JPEG", "00000010.JPEG"])
      #expect(try Self.bytes(output["c/\(folder)/1/00000001.JPEG"]).prefix(3) == [0xff, 0xd8, 0xff])
    }
  }

  @Test func theSheetIsOnePage() throws {
    let output = try TemporaryFolder()
    let result = try SoupProgram.run(
      "data", "corruptions", "--sheet", output["page.png"], "--corruption", "fog,contrast", "--cell", "16", "--json")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.outputJSON["height"] as? Int == 20 + 2 * 20)
    #expect(try Self.bytes(output["page.png"]).prefix(4) == [0x89, 0x50, 0x4e, 0x47])
    #expect(try output.contents == ["page.png"])
  }

  @Test func theListHasEveryCorruption() throws {
    let lines = try SoupProgram.run("data", "corruptions", "--json").output.split(separator: "\n")
    #expect(lines.count == 25)
    let suite = try SoupProgram.run("data", "corruptions", "--suite", "laion-c").output
    #expect(suite.contains("stickers") && !suite.contains("fog"))
  }

  @Test(arguments: [
    ["data", "corrupt", "cifar10"], ["data", "corrupt", "cifar10", "-o", "x", "--corruption", "smog"],
    ["data", "corrupt", "cifar10", "-o", "x", "--severity", "0"],
    ["data", "corrupt", "cifar10", "-o", "x", "--severity", "1,1"],
    ["data", "corrupt", "cifar10", "-o", "x", "--suite", "cifar-c", "--corruption", "fog"],
    ["data", "corruptions", "--image", "x.png"], ["data", "corruptions", "--sheet", "x.png", "--cell", "1"],
  ])
  func aCommandLineThatMakesNoSenseExitsWith2(arguments: [String]) throws {
    let folder = try TemporaryFolder()
    let result = try SoupProgram.run(SoupProgram.path, arguments, in: folder.path)
    #expect(result.status == 2, "\(result.errors)")
    #expect(try folder.contents.isEmpty)
  }
}

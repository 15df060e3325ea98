import Foundation
import SoupCheckpoints
import SoupData
import SoupModels
import SoupTensors
import SoupTorch
import Testing

/// ImageNet-C as it lies on disk: corruption, severity, class.
@Suite struct StoredShiftTests {
  /// AlexNet's top-1 errors in percent, to units of mCE.
  /// - Source: Hendrycks and Dietterich, 2019, table 5 of arXiv:1903.12261 and their code.
  private static let alexNet = [
    "gaussian_noise": 88.6428, "shot_noise": 89.4468, "impulse_noise": 92.2640, "defocus_blur": 81.9880,
    "glass_blur": 82.6268, "motion_blur": 78.5948, "zoom_blur": 79.8360, "snow": 86.6816, "frost": 82.6572,
    "fog": 81.9324, "brightness": 56.4592, "contrast": 85.3204, "elastic_transform": 64.6056, "pixelate": 71.7840,
    "jpeg_compression": 60.6500,
  ]

  @Test func mCEOfAModelOfAThousandClassesIsRelativeToAlexNet() throws {
    let folder = try TemporaryFolder()
    let classes = (0..<1000).map { "n\(10_000_000 + 7 * $0)" }
    try Data((classes.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: folder["classes.txt"]))
    var random = CounterGenerator(seed: 3)
    for (number, label) in [3, 200, 999].enumerated() {
      let place = folder["images/val/" + classes[label]]
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      let pixels: [UInt8] = (0..<32 * 32 * 3).map { place in
        let stripe = place / 24 * 40
        let noise = Int(random.uniform() * 60)
        return UInt8((stripe + noise) % 256)
      }
      let file = try PixelImage(width: 32, height: 32, pixels: pixels).png()
      try Data(file).write(to: URL(filePath: "\(place)/ILSVRC2012_val_0000000\(number).png"))
    }
    let made = try SoupProgram.run(
      "data", "corrupt", "imagefolder:\(folder["images"])?classes=\(folder["classes.txt"])&size=32", "-o", folder["c"],
      "--suite", "imagenet-c", "--layout", "folders", "--threads", "1")
    #expect(made.status == 0, "\(made.errors)")
    // Classes without an image have no folder; images keep their names.
    let kept = try FileManager.default.contentsOfDirectory(atPath: folder["c/fog/3"]).sorted()
    #expect(kept == [3, 200, 999].map { classes[$0] })
    let images = try FileManager.default.contentsOfDirectory(atPath: folder["c/fog/3/"] + classes[200])
    #expect(images == ["ILSVRC2012_val_00000001.JPEG"])
    // The archives unpack to groups of corruptions.
    try FileManager.default.createDirectory(atPath: folder["c/weather"], withIntermediateDirectories: true)
    for name in ["snow", "frost", "fog", "brightness"] {
      try FileManager.default.moveItem(atPath: folder["c/" + name], toPath: folder["c/weather/" + name])
    }

    let configuration = try ModelConfiguration(parsing: "vit:dim=16,heads=2,depth=1,patch=16,image=32,classes=1000")
    let model = try makeModel(configuration, generator: RandomGenerator(seed: 4), device: .cpu)
    var weights = try model.store.stateDict()
    weights.metadata["soup.model"] = nil
    try CheckpointWriter.write(weights, to: folder["m.safetensors"])
    let result = try SoupProgram.run(
      "evaluate", folder["m.safetensors"], "--model", "vit:dim=16,heads=2,depth=1,patch=16,image=32,classes=1000",
      "--data", "imagenet-c:\(folder["c"])?size=32", "--threads", "1", "--json")
    #expect(result.status == 0, "\(result.errors)")
    let shift = try #require(result.outputJSON["shift"] as? [String: Any])
    let means = try #require(shift["means"] as? [[String: Any]])
    #expect(means.count == 15 && (shift["corruptions"] as? [Any])?.count == 75)
    var errors: [String: Double] = [:]
    for mean in means {
      errors[try #require(mean["name"] as? String)] = 1 - (try #require((mean["accuracy"] as? NSNumber)?.doubleValue))
    }
    let expected = Self.alexNet.reduce(0) { $0 + (errors[$1.key] ?? .nan) / ($1.value / 100) } / 15
    #expect(abs(try #require((shift["mce"] as? NSNumber)?.doubleValue) - expected) < 1e-9)
    // A relative mCE needs the clean images, which the benchmark does not have.
    #expect(shift["relative_mce"] == nil)

    let partial = try SoupProgram.run(
      "evaluate", folder["m.safetensors"], "--model", "vit:dim=16,heads=2,depth=1,patch=16,image=32,classes=1000",
      "--data", "imagenet-c:\(folder["c"])?size=32", "--corruption", "fog", "--severity", "1,3", "--threads", "1")
    #expect(partial.status == 0 && !partial.output.contains("mCE"), "\(partial.errors)")
  }

  /// Two files of a class that would get one name: numbers, rather than one image lost.
  @Test func namesThatWouldCollideBecomeNumbers() throws {
    let folder = try TemporaryFolder()
    for name in ["a", "b"] {
      try FileManager.default.createDirectory(atPath: folder["images/" + name], withIntermediateDirectories: true)
      let image = PixelImage(width: 8, height: 8, pixels: [UInt8](repeating: 90, count: 192))
      try Data(image.png()).write(to: URL(filePath: folder["images/\(name)/1.png"]))
    }
    let image = PixelImage(width: 8, height: 8, pixels: [UInt8](repeating: 20, count: 192))
    try Data(image.png()).write(to: URL(filePath: folder["images/a/1.PNG"]))
    let made = try SoupProgram.run(
      "data", "corrupt", "imagefolder:\(folder["images"])?size=8", "-o", folder["c"], "--corruption", "contrast",
      "--severity", "1", "--layout", "folders", "--part", "train", "--threads", "1")
    #expect(made.status == 0, "\(made.errors)")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder["c/contrast/1/a"]).sorted()
    #expect(files == ["00000000.JPEG", "00000001.JPEG"])
  }
}

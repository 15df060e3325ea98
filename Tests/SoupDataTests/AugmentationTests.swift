import Foundation
import SoupData
import SoupTensors
import Testing

@Suite struct AugmentationTests {
  /// Images `0..<count` as the loader gives them, in order, as bytes.
  private func bytes(_ data: SyntheticImages, _ augmentation: [Augmentation], seed: UInt64 = 5) throws -> [[UInt8]] {
    let loader = try DataLoader(data, batchSize: 64, augmentation: augmentation, augmentationSeed: seed)
    let size = data.pixelCount
    return try loader.contents(epoch: 0).flatMap { batch in
      let values = batch.images.map { UInt8((Float(bitPattern: $0) * 255).rounded()) }
      return stride(from: 0, to: values.count, by: size).map { Array(values[$0..<$0 + size]) }
    }
  }

  @Test func noPaddingAndNoProbabilityChangeNothing() throws {
    let data = SyntheticImages(count: 50, channels: 3, height: 5, width: 7)
    let nothing: [Augmentation] = [
      .crop(padding: 0), .flip(probability: 0), .erase(probability: 0), .cutout(side: 0),
    ]
    #expect(try bytes(data, nothing) == bytes(data, []))
  }

  @Test func flippingTwiceChangesNothing() throws {
    let mirrored = SyntheticImages(count: 50, channels: 3, height: 5, width: 7) { image, offset in
      let (row, column, channel) = (offset / 21, offset / 3 % 7, offset % 3)
      return UInt8(truncatingIfNeeded: image &* 31 &+ ((row * 7 + 6 - column) * 3 + channel) &* 7)
    }
    let data = SyntheticImages(count: 50, channels: 3, height: 5, width: 7)
    #expect(try bytes(mirrored, [.flip(probability: 1)]) == bytes(data, []))
    #expect(try bytes(data, [.flip(probability: 1)]) != bytes(data, []))
  }

  /// Every result is one of the 25 windows of NumPy's padded image, or its mirror; all 50 are equally likely.
  /// 0.9999 quantile at 49 degrees of freedom: 94.
  @Test(arguments: [Augmentation.Padding.zero, .reflect])
  func cropsAreUniformWindowsOfThePaddedImage(mode: Augmentation.Padding) throws {
    let reference = try Reference.load()
    let image = reference.image
    let padded = try #require(reference.padded[mode.rawValue])
    var windows: [[UInt8]: Int] = [:]
    for top in 0..<5 {
      for left in 0..<5 {
        let rows = (0..<8).map { y in Array(padded[(top + y) * 12 + left..<(top + y) * 12 + left + 8]) }
        windows[rows.flatMap { $0 }] = 0
        windows[rows.flatMap { $0.reversed() }] = 0
      }
    }
    #expect(windows.count == 50)
    let data = SyntheticImages(count: 20_000) { _, offset in image[offset] }
    for result in try bytes(data, [.crop(padding: 2, mode: mode), .flip()]) {
      try #require(windows[result] != nil)
      windows[result, default: 0] += 1
    }
    #expect(windows.values.reduce(0.0) { $0 + pow(Double($1) - 400, 2) / 400 } < 94)
  }

  /// An image's crop does not depend on the batch it is in, nor on whether it may be flipped.
  @Test func randomnessBelongsToTheImage() throws {
    let data = SyntheticImages(count: 64)
    let whole = try DataLoader(data, batchSize: 64, shuffleSeed: 1, augmentation: [.crop(padding: 3), .flip()])
    let single = try DataLoader(data, batchSize: 1, augmentation: [.crop(padding: 3), .flip()], augmentationSeed: 1)
    let together = try whole.contents(epoch: 4)[0]
    let apart = try single.contents(epoch: 4)
    for (position, image) in together.indices.enumerated() {
      #expect(Array(together.images[position * 64..<position * 64 + 64]) == apart[image].images)
    }
  }

  @Test func erasingSetsOneRectangleToTheMeanColourAsOftenAsAsked() throws {
    let normalization = try Normalization(mean: [0.4, 0.5], deviation: [0.2, 0.3])
    let data = SyntheticImages(count: 4000, channels: 2, height: 16, width: 16) { _, _ in 255 }
    let loader = try DataLoader(
      data, batchSize: 4000, augmentation: [.erase(probability: 0.25)], augmentationSeed: 3,
      normalization: normalization)
    let values = try loader.contents(epoch: 0)[0].images.map(Float.init(bitPattern:))
    var erased = 0
    var area = 0.0
    for image in 0..<4000 {
      let planes = (0..<2).map { plane in (0..<256).filter { values[(image * 2 + plane) * 256 + $0] == 0 } }
      #expect(planes[0] == planes[1])
      guard let first = planes[0].first, let last = planes[0].last else { continue }
      // A full rectangle between its first and last corner.
      let (top, left, bottom, right) = (first / 16, first % 16, last / 16, last % 16)
      try #require(left <= right && planes[0].count == (bottom - top + 1) * (right - left + 1))
      #expect(planes[0].count < 100)  // 33% of 256 pixels, with rounded sides
      erased += 1
      area += Double(planes[0].count) / 256
    }
    #expect(abs(erased - 1000) < 5 * 27)  // binomial deviation 27
    #expect(abs(area / Double(erased) - 0.175) < 0.02)  // the middle of 2% and 33%
  }

  @Test func cutoutSetsASquareThatMayHangOverTheBorder() throws {
    let normalization = try Normalization(mean: [0.5], deviation: [0.5])
    let data = SyntheticImages(count: 2000) { _, _ in 255 }
    let loader = try DataLoader(
      data, batchSize: 2000, augmentation: [.cutout(side: 4)], augmentationSeed: 3, normalization: normalization)
    let values = try loader.contents(epoch: 0)[0].images.map(Float.init(bitPattern:))
    let areas = (0..<2000).map { image in (0..<64).count { values[image * 64 + $0] == 0 } }
    // Along one side the eight centres show 2, 3, 4, 4, 4, 4, 4, 3 pixels, 3.5 on average.
    #expect(Set(areas) == [4, 6, 8, 9, 12, 16])
    #expect(abs(Double(areas.reduce(0, +)) / 2000 - 3.5 * 3.5) < 0.5)
  }

  @Test func textAndValueAgree() throws {
    let text = "crop=4:reflect,flip=0.7,erase=0.25,cutout=8"
    let list: [Augmentation] = [
      .crop(padding: 4, mode: .reflect), .flip(probability: 0.7), .erase(probability: 0.25), .cutout(side: 8),
    ]
    #expect(try Augmentation.list(parsing: text) == list)
    #expect(list.map(\.description).joined(separator: ",") == text)
    #expect(try Augmentation.list(parsing: "crop=2,flip") == [.crop(padding: 2), .flip()])
    #expect(try Augmentation.list(parsing: "none").isEmpty)
    #expect(try JSONDecoder().decode([Augmentation].self, from: JSONEncoder().encode(list)) == list)
    for wrong in ["crop", "crop=x", "crop=4:mirror", "crop=4:zero:1", "flip=often", "erase", "rotate=3", "flip,", ","] {
      #expect(throws: DataError.self) { try Augmentation.list(parsing: wrong) }
    }
  }
}

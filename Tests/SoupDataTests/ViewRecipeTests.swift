import SoupData
import SoupTensors
import Testing

/// Every pixel is the number of the view.
private struct NumberedViews: ImageDataset {
  let name = "numbered"
  let count = 6
  let classNames = ["one"]
  let channels = 1
  let height = 2
  let width = 2
  let normalization = Normalization.none(channels: 1)
  let drawsViews = true
  func label(at index: Int) -> Int { 0 }
  func copyPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
    pixels.update(repeating: 99)
  }
  func copyPixels(
    at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>, view: Int, using generator: CounterGenerator
  ) throws {
    pixels.update(repeating: UInt8(view))
  }
}

@Suite("Recipes of views") struct ViewRecipeTests {
  /// A data set is told which view is asked for, through subsets too.
  @Test func viewsAreNumbered() throws {
    let subset = try Subset(of: NumberedViews(), indices: [3, 1, 2])
    let batch = try #require(
      try DataLoader(subset, batchSize: 3, shuffleSeed: 1, threads: 0, views: 3).batches(epoch: 0).next())
    for (view, images) in ([batch.images] + batch.otherViews).enumerated() {
      #expect(images.floats().allSatisfy { abs($0 * 255 - Float(view)) < 1e-4 })
    }
  }

  /// MoCo v3 has two kinds of views, LeJEPA as many global ones as asked, then local ones; other names have one kind.
  @Test func namesAndTheirViews() throws {
    for name in TrainingView.allCases {
      let count = try name.transforms(size: 28, shorter: 28, globalViews: 3).count
      #expect(count == (name == .mocoV3 ? 2 : name == .lejepa ? 4 : 1))
    }
    let areas = try TrainingView.lejepa.transforms(size: 28, shorter: 28, globalViews: 1).map { transform in
      guard case .randomResizedCrop(let crop) = transform.framing else { return 0...0.0 }
      return crop.area
    }
    #expect(areas == [0.3...1, 0.05...0.3])
  }

  /// On a bright image, only MoCo v3's second view is ever dark: it alone is solarised.
  @Test func onlyTheSecondViewIsSolarised() throws {
    let image = PixelImage(width: 16, height: 16) { $0.update(repeating: 250) }
    let transforms = try TrainingView.mocoV3.transforms(size: 16, shorter: 16)
    let dark = try transforms.map { transform in
      try (0..<200).filter { number in
        var pixels = [UInt8](repeating: 0, count: 16 * 16 * 3)
        try pixels.withUnsafeMutableBufferPointer {
          try transform.render(
            image, into: $0, workspace: ImageWorkspace(), generator: CounterGenerator(seed: UInt64(number)))
        }
        return pixels.reduce(0) { $0 + Int($1) } / pixels.count < 100
      }.count
    }
    #expect(dark[0] == 0)
    #expect((20...60).contains(dark[1]))
  }
}

import SoupTensors

/// Images that are kept in memory as random views, as sets of image files have them: `soup train --augment 3-augment`.
///
/// With a generator an image is a random view, without one the image itself. Grey images are three equal channels meanwhile
/// and come back as luma, `0.299 R + 0.587 G + 0.114 B`, rounded; a step to grey, hue and saturation do nothing to them.
public struct RandomViews: ImageDataset {
  public let base: any ImageDataset
  /// How each view of an image is made, the last of them being all that follow.
  public let transforms: [ImageTransform]
  private let workspaces = WorkspacePool()

  public var name: String { base.name }
  public var count: Int { base.count }
  public var classNames: [String] { base.classNames }
  public var channels: Int { base.channels }
  public var height: Int { base.height }
  public var width: Int { base.width }
  public var normalization: Normalization { base.normalization }
  public var classSubset: [Int]? { base.classSubset }
  public var drawsViews: Bool { transforms.contains(where: \.isRandom) }

  /// - Parameters:
  ///   - base: square images of 1 or 3 channels.
  ///   - transforms: how each view is made, at least one; they give images of the same size.
  /// - Throws: `DataError.invalidRequest` for other images.
  public init(of base: any ImageDataset, _ transforms: [ImageTransform]) throws(DataError) {
    guard base.channels == 1 || base.channels == 3 else {
      throw DataError(
        .invalidRequest, "\(base.name) has no colours to draw views of", expected: "1 or 3 channels",
        found: "\(base.channels)")
    }
    guard !transforms.isEmpty else {
      throw DataError(.invalidRequest, "no way to make views of \(base.name) was named")
    }
    for transform in transforms
    where (transform.framing.height, transform.framing.width) != (base.height, base.width) {
      throw DataError(
        .invalidRequest, "random views must have the size of the images of \(base.name)",
        expected: "\(base.width) × \(base.height)", found: "\(transform.framing.width) × \(transform.framing.height)")
    }
    guard !base.drawsViews else {
      throw DataError(
        .invalidRequest, "\(base.name) draws views of its own", advice: "Choose them by its option ?view=")
    }
    self.base = base
    self.transforms = transforms
  }

  /// The views that people name.
  /// - Parameter globalViews: how many of `lejepa`'s views show much of the image.
  public init(of base: any ImageDataset, _ view: TrainingView, globalViews: Int = 2) throws(DataError) {
    try self.init(of: base, view.transforms(size: base.width, shorter: base.width, globalViews: globalViews))
  }

  public func label(at index: Int) -> Int { base.label(at: index) }
  public func targets(at index: Int) -> [Int] { base.targets(at: index) }
  public func checksum() -> UInt32 { base.checksum() }

  public func copyPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
    try base.copyPixels(at: index, into: pixels)
  }

  public func copyPixels(
    at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>, using generator: CounterGenerator
  ) throws {
    try copyPixels(at: index, into: pixels, view: 0, using: generator)
  }

  public func copyPixels(
    at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>, view: Int, using generator: CounterGenerator
  ) throws {
    let transform = transforms[min(view, transforms.count - 1)]
    let isGrey = channels == 1
    let image = try PixelImage(width: width, height: height) { colours in
      guard isGrey else { return try base.copyPixels(at: index, into: colours) }
      try base.copyPixels(at: index, into: pixels)
      for i in 0..<pixels.count {
        for c in 0..<3 { colours[3 * i + c] = pixels[i] }
      }
    }
    try workspaces.with { workspace in
      guard isGrey else {
        return try transform.render(image, into: pixels, workspace: workspace, generator: generator)
      }
      let view = workspace.pixels(3 * pixels.count)
      try transform.render(image, into: view, workspace: workspace, generator: generator)
      for i in 0..<pixels.count {
        let luma = 299 * Int(view[3 * i]) + 587 * Int(view[3 * i + 1]) + 114 * Int(view[3 * i + 2])
        pixels[i] = UInt8((luma + 500) / 1000)
      }
    }
  }
}

import CImages
import SoupTensors

/// A change of an image's pixels that leaves its size, drawn from a generator.
public protocol PixelTransform: Sendable {
  /// Changes the image in place. Draws the same amount from `generator` whatever the pixels are.
  func apply(to image: inout ImageView, using generator: inout CounterGenerator)
}

/// An image in someone's memory, while transforms work on it: `height × width × 3` bytes RGB.
public struct ImageView {
  public let pixels: UnsafeMutableBufferPointer<UInt8>
  public let width: Int
  public let height: Int
  let workspace: ImageWorkspace

  public var count: Int { width * height }
  var base: UnsafeMutablePointer<UInt8> { pixels.baseAddress! }

  /// - Precondition: `pixels.count == width * height * 3`.
  public init(
    _ pixels: UnsafeMutableBufferPointer<UInt8>, width: Int, height: Int, workspace: ImageWorkspace = ImageWorkspace()
  ) {
    precondition(pixels.count == width * height * 3 && width > 0 && height > 0, "the pixels do not fill the image")
    self.pixels = pixels
    self.width = width
    self.height = height
    self.workspace = workspace
  }
}

extension PixelImage {
  /// The image after a transform.
  public func transformed(by transform: some PixelTransform, using generator: inout CounterGenerator) -> PixelImage {
    var copy = self
    let (width, height) = (width, height)
    copy.pixels.withUnsafeMutableBufferPointer { buffer in
      var view = ImageView(buffer, width: width, height: height)
      transform.apply(to: &view, using: &generator)
    }
    return copy
  }
}

/// Mirrors left and right with a probability.
public struct HorizontalFlip: PixelTransform, Codable, Hashable {
  public var probability: Double

  public init(probability: Double = 0.5) { self.probability = probability }

  public func apply(to image: inout ImageView, using generator: inout CounterGenerator) {
    if generator.chance(probability) { cimages_flip(image.base, image.width, image.height) }
  }
}

/// Grey in three equal channels, `0.299 R + 0.587 G + 0.114 B` in Pillow's 16-bit arithmetic, with a probability.
public struct Greyscale: PixelTransform, Codable, Hashable {
  public var probability: Double

  public init(probability: Double = 1) { self.probability = probability }

  public func apply(to image: inout ImageView, using generator: inout CounterGenerator) {
    if generator.chance(probability) { cimages_grey(image.base, image.count) }
  }
}

/// Inverts the values at and above a threshold, with a probability.
public struct Solarize: PixelTransform, Codable, Hashable {
  public var threshold: Int
  public var probability: Double

  public init(threshold: Int = 128, probability: Double = 1) {
    self.threshold = threshold
    self.probability = probability
  }

  public func apply(to image: inout ImageView, using generator: inout CounterGenerator) {
    guard generator.chance(probability) else { return }
    let table = (0..<256).map { UInt8($0 < threshold ? $0 : 255 - $0) }
    cimages_lookup(image.base, image.count, table, 0)
  }
}

/// Pillow's `GaussianBlur` with a radius uniform in a range, with a probability: three box blurs each way.
public struct RandomBlur: PixelTransform, Codable, Hashable {
  /// Standard deviations in pixels.
  public var radius: ClosedRange<Double>
  public var probability: Double

  public init(radius: ClosedRange<Double> = 0.1...2, probability: Double = 1) {
    self.radius = radius
    self.probability = probability
  }

  public func apply(to image: inout ImageView, using generator: inout CounterGenerator) {
    let isApplied = generator.chance(probability)
    let radius = radius.lowerBound + (radius.upperBound - radius.lowerBound) * generator.uniform()
    guard isApplied else { return }
    _ = cimages_gaussian_blur(image.base, image.width, image.height, Float(radius), &image.workspace.native)
  }
}

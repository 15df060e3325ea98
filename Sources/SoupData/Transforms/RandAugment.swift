import CImages
import Foundation
import SoupTensors

/// A number of operations drawn with replacement from 14, each at one magnitude.
///
/// The operations, their ranges and their 8-bit arithmetic are torchvision's `RandAugment` on PIL images with nearest-pixel
/// geometry and black fill; signed magnitudes are negated with probability 1/2.
/// - Source: Cubuk et al., 2019, arXiv:1909.13719.
public struct RandAugment: PixelTransform, Codable, Hashable {
  public enum Operation: String, Codable, Sendable, Hashable, CaseIterable {
    case identity, shearX, shearY, translateX, translateY, rotate, brightness, color, contrast, sharpness, posterize
    case solarize, autoContrast, equalize
  }

  /// How many are applied, one after the other.
  public var operations: Int
  /// Which of `bins` magnitudes, from 0.
  public var magnitude: Int
  public var bins: Int

  public init(operations: Int = 2, magnitude: Int = 9, bins: Int = 31) {
    self.operations = operations
    self.magnitude = magnitude
    self.bins = bins
  }

  public func apply(to image: inout ImageView, using generator: inout CounterGenerator) {
    for _ in 0..<operations {
      let operation = Operation.allCases[generator.below(Operation.allCases.count)]
      let isNegative = generator.chance(0.5)
      let size = Self.magnitude(
        operation, Double(magnitude) / Double(max(1, bins - 1)), width: image.width, height: image.height)
      Self.apply(operation, isNegative ? -size.value : size.value, isSigned: size.isSigned, to: &image)
    }
  }

  /// The magnitude at `part` of the way from none to most, and whether its sign is random.
  public static func magnitude(
    _ operation: Operation, _ part: Double, width: Int, height: Int
  ) -> (value: Double, isSigned: Bool) {
    switch operation {
    case .identity, .autoContrast, .equalize: (0, false)
    case .shearX, .shearY: (0.3 * part, true)
    case .translateX: (150.0 / 331 * Double(width) * part, true)
    case .translateY: (150.0 / 331 * Double(height) * part, true)
    case .rotate: (30 * part, true)
    case .brightness, .color, .contrast, .sharpness: (0.9 * part, true)
    case .posterize: (8 - (4 * part).rounded(.toNearestOrEven), false)
    case .solarize: (255 - 255 * part, false)
    }
  }

  /// Applies one operation. `value` is shear, pixels, degrees, 1 less than a factor, bits or a threshold.
  public static func apply(_ operation: Operation, _ signed: Double, isSigned: Bool = true, to image: inout ImageView) {
    let value = isSigned ? signed : abs(signed)
    switch operation {
    case .identity: break
    case .shearX: affine(&image, [1, value, 0, 0, 1, 0])
    case .shearY: affine(&image, [1, 0, 0, value, 1, 0])
    case .translateX: affine(&image, [1, 0, -value.rounded(.towardZero), 0, 1, 0])
    case .translateY: affine(&image, [1, 0, 0, 0, 1, -value.rounded(.towardZero)])
    case .rotate: rotate(&image, degrees: value)
    case .brightness: ColorJitter.adjustBrightness(&image, 1 + value)
    case .color: ColorJitter.adjustSaturation(&image, 1 + value)
    case .contrast: ColorJitter.adjustContrast(&image, 1 + value)
    case .sharpness:
      _ = cimages_sharpness(image.base, image.width, image.height, Float(1 + value), &image.workspace.native)
    case .posterize:
      let mask = UInt8(truncatingIfNeeded: 0xff << (8 - Int(value)))
      cimages_lookup(image.base, image.count, (0..<256).map { UInt8($0) & mask }, 0)
    case .solarize:
      cimages_lookup(image.base, image.count, (0..<256).map { UInt8(Double($0) < value ? $0 : 255 - $0) }, 0)
    case .autoContrast: cimages_lookup(image.base, image.count, table(image, stretched), 256)
    case .equalize: cimages_lookup(image.base, image.count, table(image, equalized), 256)
    }
  }

  private static func affine(_ image: inout ImageView, _ matrix: [Double]) {
    let copy = image.workspace.framed(image.count * 3)
    copy.baseAddress!.update(from: image.base, count: image.count * 3)
    cimages_affine(copy.baseAddress!, image.width, image.height, matrix, image.base)
  }

  /// Pillow's `rotate(degrees)`: about the middle, counter-clockwise.
  private static func rotate(_ image: inout ImageView, degrees: Double) {
    // Pillow rounds to 15 decimals, so that right angles are exact.
    func rounded(_ value: Double) -> Double { (value * 1e15).rounded(.toNearestOrEven) / 1e15 }
    var angle = degrees.truncatingRemainder(dividingBy: 360)
    if angle < 0 { angle += 360 }
    let radians = -angle * .pi / 180
    let (cosine, sine) = (rounded(cos(radians)), rounded(sin(radians)))
    let (x, y) = (Double(image.width) / 2, Double(image.height) / 2)
    affine(
      &image,
      [cosine, sine, cosine * -x + sine * -y + x, rounded(-sin(radians)), cosine, -sine * -x + cosine * -y + y])
  }

  private static func table(_ image: ImageView, _ make: (ArraySlice<UInt32>) -> [UInt8]) -> [UInt8] {
    var counts = [UInt32](repeating: 0, count: 768)
    cimages_histogram(image.base, image.count, &counts)
    return (0..<3).flatMap { make(counts[$0 * 256..<($0 + 1) * 256]) }
  }

  /// Least and largest value to 0 and 255.
  private static func stretched(_ counts: ArraySlice<UInt32>) -> [UInt8] {
    let values = Array(counts)
    guard let low = values.firstIndex(where: { $0 > 0 }), let high = values.lastIndex(where: { $0 > 0 }), high > low
    else { return (0..<256).map { UInt8($0) } }
    let scale = 255.0 / Double(high - low)
    let offset = -Double(low) * scale
    return (0..<256).map { UInt8(max(0, min(255, Int(Double($0) * scale + offset)))) }
  }

  /// Every value equally often, as far as may be.
  private static func equalized(_ counts: ArraySlice<UInt32>) -> [UInt8] {
    let values = counts.map { Int($0) }
    let present = values.filter { $0 > 0 }
    let step = (present.reduce(0, +) - (present.last ?? 0)) / 255
    guard present.count > 1, step > 0 else { return (0..<256).map { UInt8($0) } }
    var sum = step / 2
    return values.map { count in
      defer { sum += count }
      return UInt8(min(255, sum / step))
    }
  }
}

import CImages
import SoupTensors

/// Random brightness, contrast, saturation and hue, in random order.
///
/// Factors are uniform in `max(0, 1 - x)...1 + x`; `result = degenerate + factor · (image - degenerate)`, where the degenerate
/// image is black, the mean grey, or the grey image; hue is turned by a fraction of the circle uniform in `-hue...hue`. The
/// arithmetic is Pillow's 8 bits, as torchvision has it on PIL images. A strength of 0 leaves its part out.
/// - Source: torchvision's `ColorJitter`.
public struct ColorJitter: PixelTransform, Codable, Hashable {
  public var brightness: Double
  public var contrast: Double
  public var saturation: Double
  /// 0 to 0.5.
  public var hue: Double
  public var probability: Double

  public init(
    brightness: Double = 0, contrast: Double = 0, saturation: Double = 0, hue: Double = 0, probability: Double = 1
  ) {
    self.brightness = brightness
    self.contrast = contrast
    self.saturation = saturation
    self.hue = hue
    self.probability = probability
  }

  public func apply(to image: inout ImageView, using generator: inout CounterGenerator) {
    let isApplied = generator.chance(probability)
    let order = generator.permutation(4)
    func factor(_ strength: Double) -> Double {
      let least = max(0, 1 - strength)
      return least + (1 + strength - least) * generator.uniform()
    }
    let factors = [factor(brightness), factor(contrast), factor(saturation)]
    let turn = hue * (2 * generator.uniform() - 1)
    guard isApplied else { return }
    for step in order {
      switch step {
      case 0 where brightness > 0: Self.adjustBrightness(&image, factors[0])
      case 1 where contrast > 0: Self.adjustContrast(&image, factors[1])
      case 2 where saturation > 0: Self.adjustSaturation(&image, factors[2])
      case 3 where hue > 0: Self.adjustHue(&image, turn)
      default: break
      }
    }
  }

  /// `factor` 0 is black, 1 the image.
  public static func adjustBrightness(_ image: inout ImageView, _ factor: Double) {
    cimages_blend_constant(image.base, image.count, 0, Float(factor))
  }

  /// `factor` 0 is the mean grey, rounded, 1 the image.
  public static func adjustContrast(_ image: inout ImageView, _ factor: Double) {
    let sum = cimages_grey_sum(image.base, image.count)
    let mean = Int32(Double(sum) / Double(image.count) + 0.5)
    cimages_blend_constant(image.base, image.count, mean, Float(factor))
  }

  /// `factor` 0 is the grey image, 1 the image.
  public static func adjustSaturation(_ image: inout ImageView, _ factor: Double) {
    cimages_blend_grey(image.base, image.count, Float(factor))
  }

  /// `turn` in -0.5...0.5 of the circle; truncated to 1/255, as torchvision does.
  public static func adjustHue(_ image: inout ImageView, _ turn: Double) {
    cimages_turn_hue(image.base, image.count, UInt8(truncatingIfNeeded: Int(turn * 255)))
  }
}

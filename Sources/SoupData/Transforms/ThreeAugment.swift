import SoupTensors

/// 3-Augment: a flip, then exactly one of grey, solarize and Gaussian blur, then colour jitter.
///
/// ```text
/// flip p 0.5 → one of {grey, invert values ≥ 128, blur of radius U(0.1, 2)}, each 1/3, always applied
///            → brightness, contrast, saturation, each by a factor U(0.7, 1.3), in random order
/// ```
/// - Source: Touvron et al., *DeiT III*, 2022, arXiv:2204.07118.
public struct ThreeAugment: PixelTransform, Codable, Hashable {
  public var flip: HorizontalFlip
  public var blur: RandomBlur
  public var jitter: ColorJitter

  public init(jitter strength: Double = 0.3, flipProbability: Double = 0.5) {
    flip = HorizontalFlip(probability: flipProbability)
    blur = RandomBlur(radius: 0.1...2)
    jitter = ColorJitter(brightness: strength, contrast: strength, saturation: strength)
  }

  public func apply(to image: inout ImageView, using generator: inout CounterGenerator) {
    flip.apply(to: &image, using: &generator)
    let choice = generator.below(3)
    // Streams of their own, so that the choice does not move what follows.
    var own = generator.derived("one of three")
    switch choice {
    case 0: Greyscale().apply(to: &image, using: &own)
    case 1: Solarize(threshold: 128).apply(to: &image, using: &own)
    default: blur.apply(to: &image, using: &own)
    }
    jitter.apply(to: &image, using: &generator)
  }
}

/// What training sees of an image, by the names that people use.
public enum TrainingView: String, Codable, Sendable, Hashable, CaseIterable {
  /// What evaluation sees.
  case none
  /// Random resized crop (area 0.08 to 1, bicubic) and flip.
  case flip
  /// Random resized crop, then 3-Augment with jitter 0.3: DeiT III's recipe, and Self-Soupervision's.
  case threeAugment = "3-augment"
  /// DeiT III's simple crop instead, then 3-Augment.
  case simpleCrop = "simple-crop"
  /// Random resized crop, flip and RandAugment (two operations of magnitude 9).
  case randAugment = "randaugment"
  /// Random resized crop, flip, jitter 0.4, 0.4, 0.2, 0.1 with p 0.8, grey p 0.2, blur: MoCo v3's first view.
  case moco

  /// - Parameters:
  ///   - size: side of the result.
  ///   - shorter: of the shorter side before the middle is cut out, for `none`.
  public func transform(size: Int, shorter: Int) throws(DataError) -> ImageTransform {
    let crop = Framing.randomResizedCrop(RandomResizedCrop(size: size))
    return switch self {
    case .none: try ImageTransform(.centre(shorter: max(shorter, size), size: size))
    case .flip: try ImageTransform(crop, steps: [HorizontalFlip()], reducingGap: 2)
    case .threeAugment: try ImageTransform(crop, steps: [ThreeAugment()], reducingGap: 2)
    case .simpleCrop: try ImageTransform(.reflectCrop(size: size), steps: [ThreeAugment()], reducingGap: 2)
    case .randAugment: try ImageTransform(crop, steps: [HorizontalFlip(), RandAugment()], reducingGap: 2)
    case .moco:
      try ImageTransform(
        crop,
        steps: [
          ColorJitter(brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1, probability: 0.8),
          Greyscale(probability: 0.2), RandomBlur(radius: 0.1...2), HorizontalFlip(),
        ], reducingGap: 2)
    }
  }
}

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

  /// MoCo v3's two views: as `moco`; the second blurred with p 0.1 only, and solarised with p 0.2.
  /// - Source: Chen et al., 2021, arXiv:2104.02057.
  case mocoV3 = "moco-v3"
  /// LeJEPA's views: crops of 0.3 to 1 of the area (global), then of 0.05 to 0.3 (local); flip, jitter 0.4, 0.4, 0.2, 0.1 with
  /// p 0.8, grey p 0.2, blur p 0.5, solarise p 0.2. Local views have the size of the others, not a smaller one.
  /// - Source: Balestriero and LeCun, 2025, arXiv:2511.08544.
  case lejepa

  /// How each view of an image is made, the last of them being all that follow: one for most names.
  /// - Parameters:
  ///   - size: side of the result.
  ///   - shorter: of the shorter side before the middle is cut out, for `none`.
  ///   - globalViews: how many of `lejepa`'s views are global; they come first.
  public func transforms(size: Int, shorter: Int, globalViews: Int = 2) throws(DataError) -> [ImageTransform] {
    guard self == .mocoV3 || self == .lejepa else { return [try transform(size: size, shorter: shorter)] }
    func view(area: ClosedRange<Double>, blur: Double, solarize: Double) throws(DataError) -> ImageTransform {
      try ImageTransform(
        .randomResizedCrop(RandomResizedCrop(size: size, area: area)),
        steps: [
          Self.jitter, Greyscale(probability: 0.2), RandomBlur(radius: 0.1...2, probability: blur),
          Solarize(threshold: 128, probability: solarize), HorizontalFlip(),
        ], reducingGap: 2)
    }
    if self == .mocoV3 {
      return [
        try view(area: 0.08...1, blur: 1, solarize: 0), try view(area: 0.08...1, blur: 0.1, solarize: 0.2),
      ]
    }
    let global = try view(area: 0.3...1, blur: 0.5, solarize: 0.2)
    let local = try view(area: 0.05...0.3, blur: 0.5, solarize: 0.2)
    return Array(repeating: global, count: max(globalViews, 1)) + [local]
  }

  private static let jitter = ColorJitter(
    brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1, probability: 0.8)

  /// How the first view is made.
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
          Self.jitter, Greyscale(probability: 0.2), RandomBlur(radius: 0.1...2), HorizontalFlip(),
        ], reducingGap: 2)
    case .mocoV3, .lejepa: try transforms(size: size, shorter: shorter)[0]
    }
  }
}

/// The corruptions there are; raw values are the folder and file names of the published benchmarks.
public enum CorruptionKind: String, Codable, Sendable, Hashable, CaseIterable {
  // The fifteen of ImageNet-C, in its order: noise, blur, weather, digital.
  case gaussianNoise = "gaussian_noise"
  case shotNoise = "shot_noise"
  case impulseNoise = "impulse_noise"
  case defocusBlur = "defocus_blur"
  case glassBlur = "glass_blur"
  case motionBlur = "motion_blur"
  case zoomBlur = "zoom_blur"
  case snow
  case frost
  case fog
  case brightness
  case contrast
  case elasticTransform = "elastic_transform"
  case pixelate
  case jpegCompression = "jpeg_compression"
  // Its four for validation.
  case speckleNoise = "speckle_noise"
  case gaussianBlur = "gaussian_blur"
  case spatter
  case saturate
  // The six of LAION-C.
  case mosaic
  case verticalLines = "vertical_lines"
  case glitched
  case luminanceCheckerboard = "luminance_checkerboard"
  case geometricShapes = "geometric_shapes"
  case stickers

  /// Whether the result depends on nothing but the image.
  public var isDeterministic: Bool {
    switch self {
    case .defocusBlur, .zoomBlur, .brightness, .contrast, .pixelate, .jpegCompression, .gaussianBlur, .saturate,
      .verticalLines, .glitched, .mosaic:
      true
    default: false
    }
  }
}

import SoupTensors

/// One corruption at one severity, a value: the same `(seed, index)` gives the same bytes on every machine, whatever the
/// number of threads.
///
/// ```swift
/// var photograph = PixelImage(width: 224, height: 224, pixels: bytes)
/// try Corruption(.fog, severity: 3).apply(to: &photograph, seed: 0, index: 17)
/// ```
///
/// Grey images become three equal channels, are corrupted as photographs are, and come back as
/// luma, `0.299 R + 0.587 G + 0.114 B`, rounded.
///
/// - Source: the nineteen of Hendrycks and Dietterich, 2019, arXiv:1903.12261, and the six of LAION-C, Li et al., 2025.
public struct Corruption: Sendable, CustomStringConvertible {
  public let kind: CorruptionKind
  /// 1 to 5; LAION-C says intensity.
  public let severity: Int
  public let table: CorruptionTable
  /// Pictures that frost, mosaic and stickers take; generated textures where nil.
  public let bank: TextureBank?

  /// - Parameters:
  ///   - severity: 1 (mild) to 5.
  ///   - table: the published parameters to use; by the image's size if not named.
  ///   - bank: pictures for frost, mosaic and stickers; nil: our own generated textures.
  /// - Throws: `DataError.invalidRequest` for another severity.
  public init(
    _ kind: CorruptionKind, severity: Int, table: CorruptionTable = .automatic, bank: TextureBank? = nil
  ) throws(DataError) {
    guard (1...5).contains(severity) else {
      throw DataError(
        .invalidRequest, "\(kind.rawValue) has no severity \(severity)", expected: "1 to 5", found: "\(severity)")
    }
    self.kind = kind
    self.severity = severity
    self.table = table
    self.bank = bank
  }

  /// `fog, severity 3`.
  public var description: String { "\(kind.rawValue), severity \(severity)" }

  /// Corrupts an image in place.
  /// - Parameters:
  ///   - seed: of a whole run.
  ///   - index: which image this is; each has random numbers of its own.
  /// - Throws: `DataError` when a bank's picture cannot be used.
  public func apply(to image: inout PixelImage, seed: UInt64, index: Int) throws {
    let (height, width) = (image.height, image.width)
    try image.pixels.withUnsafeMutableBufferPointer {
      try apply(to: $0, height: height, width: width, channels: 3, seed: seed, index: index)
    }
  }

  /// Corrupts `height × width × channels` bytes in place.
  /// - Precondition: `pixels` holds exactly the image; 1 or 3 channels.
  public func apply(
    to pixels: UnsafeMutableBufferPointer<UInt8>, height: Int, width: Int, channels: Int, seed: UInt64, index: Int
  ) throws {
    let stream = CounterGenerator(seed: seed).derived(kind.rawValue).derived(UInt64(severity))
      .derived(UInt64(bitPattern: Int64(index)))
    var random = StreamRandomness(stream)
    try apply(to: pixels, height: height, width: width, channels: channels, random: &random)
  }

  /// As above, with random numbers from elsewhere.
  package func apply(
    to pixels: UnsafeMutableBufferPointer<UInt8>, height: Int, width: Int, channels: Int,
    random: inout some CorruptionRandomness
  ) throws {
    precondition(height > 0 && width > 0 && (channels == 1 || channels == 3))
    precondition(pixels.count == height * width * channels, "the pixels do not fill the image")
    let distortion = distortion(height: height, width: width)
    if channels == 3 {
      try distortion.apply(to: Canvas(pixels: pixels.baseAddress!, height: height, width: width), &random)
      return
    }
    let colours = Workspace<UInt8>(3 * pixels.count)
    for i in 0..<pixels.count {
      for c in 0..<3 { colours.start[3 * i + c] = pixels[i] }
    }
    try distortion.apply(to: Canvas(pixels: colours.start, height: height, width: width), &random)
    for i in 0..<pixels.count {
      let colour = colours.start + 3 * i
      let luma = 299 * Int(colour[0]) + 587 * Int(colour[1]) + 114 * Int(colour[2])
      pixels[i] = UInt8((luma + 500) / 1000)
    }
  }

  private func distortion(height: Int, width: Int) -> any ImageDistortion {
    let table = table.resolved(height: height, width: width)
    return switch kind {
    case .gaussianNoise: GaussianNoise(severity: severity, table: table)
    case .shotNoise: ShotNoise(severity: severity, table: table)
    case .impulseNoise: ImpulseNoise(severity: severity, table: table)
    case .speckleNoise: SpeckleNoise(severity: severity, table: table)
    case .defocusBlur: DefocusBlur(severity: severity, table: table)
    case .glassBlur: GlassBlur(severity: severity, table: table)
    case .motionBlur: MotionBlur(severity: severity, table: table)
    case .zoomBlur: ZoomBlur(severity: severity, table: table)
    case .gaussianBlur: GaussianSmoothing(severity: severity, table: table)
    case .snow: Snow(severity: severity, table: table)
    case .frost: Frost(severity: severity, table: table, bank: bank)
    case .fog: Fog(severity: severity, table: table)
    case .brightness: Brightness(severity: severity, table: table)
    case .contrast: Contrast(severity: severity, table: table)
    case .saturate: Saturate(severity: severity, table: table)
    case .elasticTransform: ElasticTransform(severity: severity, table: table)
    case .pixelate: Pixelate(severity: severity, table: table)
    case .jpegCompression: JPEGCompression(severity: severity, table: table)
    case .spatter: Spatter(severity: severity, table: table)
    case .mosaic: Mosaic(severity: severity, bank: bank)
    case .verticalLines: VerticalLines(severity: severity)
    case .glitched: Glitched(severity: severity)
    case .luminanceCheckerboard: LuminanceCheckerboard(severity: severity)
    case .geometricShapes: GeometricShapes(severity: severity)
    case .stickers: Stickers(severity: severity, bank: bank)
    }
  }
}

/// The corruptions of a published benchmark, in its order.
public enum CorruptionSuite: String, Codable, Sendable, Hashable, CaseIterable {
  /// The fifteen test corruptions of ImageNet-C: noise, blur, weather, digital.
  case imagenetC = "imagenet-c"
  /// The four that ImageNet-C keeps for validation.
  case imagenetCExtra = "imagenet-c-extra"
  /// CIFAR-10-C and CIFAR-100-C: all nineteen.
  case cifarC = "cifar-c"
  /// The six of LAION-C.
  case laionC = "laion-c"

  public var kinds: [CorruptionKind] {
    switch self {
    case .imagenetC:
      [
        .gaussianNoise, .shotNoise, .impulseNoise, .defocusBlur, .glassBlur, .motionBlur, .zoomBlur, .snow, .frost,
        .fog, .brightness, .contrast, .elasticTransform, .pixelate, .jpegCompression,
      ]
    case .imagenetCExtra: [.speckleNoise, .gaussianBlur, .spatter, .saturate]
    case .cifarC: Self.imagenetC.kinds + Self.imagenetCExtra.kinds
    case .laionC: [.mosaic, .verticalLines, .glitched, .luminanceCheckerboard, .geometricShapes, .stickers]
    }
  }

  /// Every corruption at each of these severities: severities of the first corruption, then of the second, ….
  /// - Throws: `DataError.invalidRequest` for a severity outside 1 to 5.
  public func corruptions(
    severities: some Sequence<Int> = 1...5, table: CorruptionTable = .automatic, bank: TextureBank? = nil
  ) throws(DataError) -> [Corruption] {
    var all: [Corruption] = []
    for kind in kinds {
      for severity in severities {
        all.append(try Corruption(kind, severity: severity, table: table, bank: bank))
      }
    }
    return all
  }
}

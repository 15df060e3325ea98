/// The settings of `MAE`; the defaults are those of the published ViT-B, without normalised targets as in Self-Soupervision.
public struct MAEConfiguration: Codable, Sendable, Hashable {
  /// Fraction of the patches that the encoder does not see.
  public var maskRatio: Double
  /// Whether each target patch is standardised by its own mean and deviation.
  public var normalizedTargets: Bool
  /// Blocks of the decoder.
  public var decoderDepth: Int
  /// Width of the decoder's tokens.
  public var decoderWidth: Int
  /// Attention heads of the decoder; they share the width.
  public var decoderHeads: Int
  /// Fingerprint of the decoder that training starts from; nil draws a new one.
  public var decoder: String?

  public init(
    maskRatio: Double = 0.75, normalizedTargets: Bool = false, decoderDepth: Int = 8, decoderWidth: Int = 512,
    decoderHeads: Int = 16, decoder: String? = nil
  ) {
    self.maskRatio = maskRatio
    self.normalizedTargets = normalizedTargets
    self.decoderDepth = decoderDepth
    self.decoderWidth = decoderWidth
    self.decoderHeads = decoderHeads
    self.decoder = decoder
  }

  /// `⌊patches · (1 − ratio)⌋`
  public func keptPatches(of patches: Int) -> Int { Int(Double(patches) * (1 - maskRatio)) }

  var problems: [String] {
    var problems: [String] = []
    if !(maskRatio > 0 && maskRatio < 1) {
      problems.append("the mask ratio must be between 0 and 1, found \(maskRatio)")
    }
    for (name, value, limit) in [
      ("depth", decoderDepth, 1 << 10), ("width", decoderWidth, 1 << 14), ("number of heads", decoderHeads, 1 << 10),
    ] where !(1...limit).contains(value) {
      problems.append("the decoder's \(name) must be in 1...\(limit), found \(value)")
    }
    if decoderHeads > 0, decoderWidth % decoderHeads != 0 {
      problems.append("a decoder of width \(decoderWidth) cannot be shared by \(decoderHeads) heads")
    }
    if decoderWidth % 4 != 0 { problems.append("the decoder's width must be a multiple of 4, found \(decoderWidth)") }
    return problems
  }

  private enum CodingKeys: String, CodingKey {
    case maskRatio = "mask_ratio"
    case normalizedTargets = "norm_pixels"
    case decoderDepth = "decoder_depth"
    case decoderWidth = "decoder_width"
    case decoderHeads = "decoder_heads"
    case decoder
  }
}

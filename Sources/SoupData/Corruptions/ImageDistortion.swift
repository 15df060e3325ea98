/// One corruption with its parameters, as the published code builds it. Changes three channels in place.
protocol ImageDistortion: Sendable {
  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) throws
}

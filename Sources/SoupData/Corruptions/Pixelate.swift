import CImaging

/// Reduced to `int(c side)` by averaging, and enlarged again without smoothing: Pillow's box filter both ways.
struct Pixelate: ImageDistortion {
  let factor: Double

  init(severity: Int, table: CorruptionTable) {
    factor = table.pick(
      severity, [0.6, 0.5, 0.4, 0.3, 0.25], [0.9, 0.8, 0.7, 0.6, 0.5], [0.95, 0.9, 0.85, 0.75, 0.65])
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    let height = max(1, Int(Double(image.height) * factor))
    let width = max(1, Int(Double(image.width) * factor))
    let work = Workspace<UInt8>(3 * (image.height + height) * width)
    ci_pixelate(image.pixels, image.height, image.width, height, width, work.start)
  }
}

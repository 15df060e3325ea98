import CImaging

/// Adds c to the value V of hue, saturation and value: `V ← min(V + c, 1)`.
struct Brightness: ImageDistortion {
  let shift: Float

  init(severity: Int, table: CorruptionTable) {
    shift = table.pick(severity, [0.1, 0.2, 0.3, 0.4, 0.5], [0.1, 0.2, 0.3, 0.4, 0.5], [0.05, 0.1, 0.15, 0.2, 0.3])
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    ci_brightness(image.pixels, shift * 255, image.area)
  }
}

/// Draws colours together or apart: `S ← clip(m S + a)`. Where a > 0 greys turn red, whose hue they are given.
struct Saturate: ImageDistortion {
  let factor: Float
  let shift: Float

  init(severity: Int, table: CorruptionTable) {
    (factor, shift) = table.pick(
      severity, [(0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)], [(0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (30, 0.2)],
      [(0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)])
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    ci_saturation(image.pixels, factor, shift, image.area)
  }
}

/// Draws each channel towards its mean over the image: `(x - mean) c + mean`.
struct Contrast: ImageDistortion {
  let factor: Float

  init(severity: Int, table: CorruptionTable) {
    factor = table.pick(
      severity, [0.4, 0.3, 0.2, 0.1, 0.05], [0.4, 0.3, 0.2, 0.1, 0.05], [0.75, 0.5, 0.4, 0.3, 0.15])
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    ci_contrast(image.pixels, factor, image.area)
  }
}

import CImaging

/// Falling snow: flakes are normal noise enlarged about the centre, cut below a threshold and streaked by motion; the scene
/// whitens, `b x + (1 - b) max(x, 1.5 luma + ½)`, and the flakes are added twice, the second time upside down.
struct Snow: ImageDistortion {
  let mean: Float
  let deviation: Float
  let zoom: Double
  let threshold: Float
  let radius: Int
  let sigma: Double
  let keep: Float

  init(severity: Int, table: CorruptionTable) {
    (mean, deviation, zoom, threshold, radius, sigma, keep) = table.pick(
      severity,
      [
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8), (0.2, 0.3, 2, 0.5, 12, 4, 0.7), (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65), (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
      ],
      [
        (0.1, 0.2, 1, 0.6, 8, 3, 0.8), (0.1, 0.2, 1, 0.5, 10, 4, 0.8), (0.15, 0.3, 1.75, 0.55, 10, 4, 0.7),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.65), (0.3, 0.3, 1.25, 0.65, 14, 12, 0.6),
      ],
      [
        (0.1, 0.2, 1, 0.6, 8, 3, 0.95), (0.1, 0.2, 1, 0.5, 10, 4, 0.9), (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85), (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
      ])
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    let layer = Workspace<Float>(image.area)
    random.normals(mean: mean, deviation: deviation, into: layer.buffer)
    let degrees = random.uniform(from: -135, to: -45)
    ci_zoom_plane(layer.start, image.height, image.width, zoom)

    let streak = MotionBlur.filter(radius: radius, sigma: sigma, degrees: degrees)
    let pad = streak.reach
    let flakes = Workspace<UInt8>(image.area)
    ci_threshold(layer.start, threshold, flakes.start, image.area)
    let padded = Workspace<UInt8>((image.height + 2 * pad) * (image.width + 2 * pad))
    ci_pad(flakes.start, image.height, image.width, 1, pad, Border.nearest.code, padded.start)
    streak.apply(
      to: padded.start, pad: pad, height: image.height, width: image.width, channels: 1, into: layer.start)
    ci_snow(image.pixels, layer.start, keep, image.area)
  }
}

import CImaging
import Foundation

/// A Gaussian of σ pixels, cut at 4σ, borders repeated.
struct GaussianSmoothing: ImageDistortion {
  let sigma: Double

  init(severity: Int, table: CorruptionTable) {
    sigma = table.pick(severity, [1, 2, 3, 4, 6], [0.5, 0.75, 1, 1.25, 1.5], [0.4, 0.6, 0.7, 0.8, 1])
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    let out = Workspace<Float>(image.byteCount)
    GaussianKernel(sigma: sigma).smooth(image, into: out.start)
    ci_to_bytes(out.start, image.pixels, image.byteCount)
  }
}

/// Frosted glass: a Gaussian, then `sweeps` times every pixel, from the last to the first, is overwritten by one at most
/// `reach` away, then the Gaussian again.
///
/// Meant as a swap of two pixels, the published code copies one way, because its "swap" is between two views of one array;
/// the benchmark's images were made so, and so are these.
struct GlassBlur: ImageDistortion {
  let sigma: Double
  let reach: Int
  let sweeps: Int

  init(severity: Int, table: CorruptionTable) {
    (sigma, reach, sweeps) = table.pick(
      severity, [(0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)],
      [(0.1, 1, 1), (0.5, 1, 1), (0.6, 1, 2), (0.7, 2, 1), (0.9, 2, 2)],
      [(0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)])
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    let kernel = GaussianKernel(sigma: sigma)
    let smooth = Workspace<Float>(image.byteCount)
    kernel.smooth(image, into: smooth.start)
    ci_to_bytes(smooth.start, image.pixels, image.byteCount)
    let inner = max(0, image.height - 2 * reach) * max(0, image.width - 2 * reach)
    let draws = Workspace<UInt16>(inner * sweeps)
    random.integers(below: 4 * reach * reach, into: draws.buffer)
    let work = Workspace<UInt32>(image.area)
    ci_glass(image.pixels, image.height, image.width, UInt32(reach), draws.start, sweeps, work.start)
    kernel.smooth(image, into: smooth.start)
    ci_to_bytes(smooth.start, image.pixels, image.byteCount)
  }
}

/// A moving camera: `Σᵢ wᵢ x(p + i (cos a, sin a))` with `wᵢ ~ exp(-i² / 2σ²)`, i = 0 … 2r, at whole pixels, borders
/// repeated; the angle a is uniform in -45° to 45°.
struct MotionBlur: ImageDistortion {
  let radius: Int
  let sigma: Double

  init(severity: Int, table: CorruptionTable) {
    (radius, sigma) = table.pick(
      severity, [(10, 3), (15, 5), (15, 8), (15, 12), (20, 15)], [(10, 1), (10, 1.5), (10, 2), (10, 2.5), (12, 3)],
      [(6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)])
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    let filter = Self.filter(radius: radius, sigma: sigma, degrees: random.uniform(from: -45, to: 45))
    let pad = filter.reach
    let padded = image.padded(pad, .nearest)
    let out = Workspace<Float>(image.byteCount)
    filter.apply(
      to: padded.start, pad: pad, height: image.height, width: image.width, channels: 3, into: out.start)
    ci_to_bytes(out.start, image.pixels, image.byteCount)
  }

  /// The streak. Rotated to the nearest whole pixels; halves go the way that the published port rounds them.
  static func filter(radius: Int, sigma: Double, degrees: Double) -> TapFilter {
    let weights = (0...2 * radius).map { exp(-Double($0 * $0) / (2 * sigma * sigma)) }
    let sum = weights.reduce(0, +)
    let angle = degrees * .pi / 180
    var filter = TapFilter()
    for (i, weight) in weights.enumerated() {
      // The image shifted by -n shows the pixel at +n.
      let dx = Int((Double(i) * cos(angle) - 0.5).rounded(.up))
      let dy = Int((Double(i) * sin(angle) - 0.5).rounded(.up))
      filter.add(dy: dy, dx: dx, weight: weight / sum)
    }
    return filter
  }
}

/// A zooming lens: the mean of the image and of its centre enlarged by each factor, bilinearly.
///
/// The centre of side `⌈H/z⌉` grows to `round(⌈H/z⌉ z)`, first and last samples staying first and last, and is trimmed to H.
struct ZoomBlur: ImageDistortion {
  let factors: [Double]

  init(severity: Int, table: CorruptionTable) {
    // The published lists are half-open ranges of floating-point steps, the end of some of which rounding lets in.
    let small: [(step: Double, count: Int)] = [(0.01, 7), (0.01, 12), (0.01, 16), (0.01, 21), (0.01, 26)]
    let (step, count) = table.pick(
      severity, [(0.01, 12), (0.01, 16), (0.02, 11), (0.02, 13), (0.03, 11)], small, small)
    factors = (0..<count).map { 1 + Double($0) * step }
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    ci_zoom_blur(image.pixels, image.height, image.width, factors, factors.count)
  }
}

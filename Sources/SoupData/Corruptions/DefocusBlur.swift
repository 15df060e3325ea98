import CImaging
import Foundation

/// An unfocused lens: each channel correlated with a disc `x² + y² ≤ r²`, which a small Gaussian has smoothed; the border is
/// mirrored.
///
/// The disc is two prefix sums a row, whatever its width; the Gaussian is applied to the result instead of the disc. Where
/// the published kernel differs, because it is cut off at the side of its square, the difference is added tap by tap.
struct DefocusBlur: ImageDistortion {
  let radius: Double
  let sigma: Double

  init(severity: Int, table: CorruptionTable) {
    (radius, sigma) = table.pick(
      severity, [(3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)],
      [(0.5, 0.6), (1, 0.1), (1.5, 0.1), (2.5, 0.01), (3, 0.1)],
      [(0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)])
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    let disc = Disc(radius: radius)
    let smoothing = GaussianKernel(sigma: sigma, radius: radius <= 8 ? 1 : 2)
    let margin = smoothing.radius
    let pad = max(disc.reach + margin, disc.squareRadius + 2)
    let padded = image.padded(pad, .reflect101)
    let (height, width) = (image.height, image.width)
    let wide = width + 2 * pad

    // The sum over the disc, on `margin` more pixels on each side.
    let sums = Workspace<Float>((height + 2 * pad) * (wide + 1) * 3)
    ci_row_sums(padded.start, 3, sums.start, height + 2 * pad, wide * 3)
    let sumStride = (wide + 1) * 3
    let (outHeight, outWidth) = (height + 2 * margin, (width + 2 * margin) * 3)
    let discs = Workspace<Float>(outHeight * outWidth)
    var offsets: [Int] = []
    var signs: [Float] = []
    for (dy, half) in disc.rows {
      offsets += [dy * sumStride + (half + 1) * 3, dy * sumStride - half * 3]
      signs += [1, -1]
    }
    ci_taps(
      sums.start + (pad - margin) * (sumStride + 3), sumStride, offsets, signs, signs.count, discs.start, outWidth,
      outHeight, outWidth, 0)

    let out = Workspace<Float>(image.byteCount)
    var smooth: (offsets: [Int], weights: [Float]) = ([], [])
    for (i, v) in smoothing.weights.enumerated() {
      for (j, u) in smoothing.weights.enumerated() {
        smooth.offsets.append((i - margin) * outWidth + (j - margin) * 3)
        smooth.weights.append(Float(u * v / Double(disc.count)))
      }
    }
    ci_taps(
      discs.start + margin * (outWidth + 3), outWidth, smooth.offsets, smooth.weights, smooth.weights.count, out.start,
      width * 3, height, width * 3, 0)
    let difference = disc.differenceFromSquare(smoothing)
    if !difference.taps.isEmpty {
      difference.apply(
        to: padded.start, pad: pad, height: height, width: width, channels: 3, into: out.start, accumulate: true)
    }
    ci_to_bytes(out.start, image.pixels, image.byteCount)
  }
}

/// The pixels within a radius of the middle one.
private struct Disc {
  /// The published square has 17 pixels a side up to radius 8, else it just holds the disc.
  let squareRadius: Int
  /// Half widths of the rows that have any pixel.
  let rows: [(dy: Int, half: Int)]
  let count: Int

  init(radius: Double) {
    squareRadius = radius <= 8 ? 8 : Int(radius)
    let square = squareRadius
    rows = (-square...square).compactMap { dy in
      let rest = radius * radius - Double(dy * dy)
      return rest < 0 ? nil : (dy, min(square, Int(rest.squareRoot())))
    }
    count = rows.reduce(0) { $0 + 2 * $1.half + 1 }
  }

  var reach: Int { rows.map { max(abs($0.dy), $0.half) }.max() ?? 0 }

  private func contains(_ y: Int, _ x: Int) -> Bool {
    rows.contains { $0.dy == y && abs(x) <= $0.half }
  }

  /// The kernel smoothed within its square, mirrored at the square's sides, minus the disc smoothed without one.
  func differenceFromSquare(_ smoothing: GaussianKernel) -> TapFilter {
    var filter = TapFilter()
    let margin = smoothing.radius
    guard reach + margin > squareRadius else { return filter }
    let side = 2 * squareRadius + 1
    func fold(_ i: Int) -> Int { ci_fold(i + squareRadius, side, Border.reflect101.code) - squareRadius }
    for y in -squareRadius - margin...squareRadius + margin {
      for x in -squareRadius - margin...squareRadius + margin {
        let isInside = abs(y) <= squareRadius && abs(x) <= squareRadius
        var difference = 0.0
        for (i, v) in smoothing.weights.enumerated() {
          for (j, u) in smoothing.weights.enumerated() {
            let (sy, sx) = (y + i - margin, x + j - margin)
            if contains(sy, sx) { difference -= u * v }
            if isInside, contains(fold(sy), fold(sx)) { difference += u * v }
          }
        }
        difference /= Double(count)
        if abs(difference) > 1e-9 { filter.add(dy: y, dx: x, weight: difference) }
      }
    }
    return filter
  }
}

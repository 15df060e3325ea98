import CImaging
import Foundation

/// Smoothing by `exp(-i² / 2σ²)`, cut where it no longer matters: SciPy's Gaussian filter.
struct GaussianKernel: Sendable {
  let radius: Int
  /// `2 radius + 1` weights that add up to 1.
  let weights: [Double]

  /// - Parameters:
  ///   - sigma: in pixels; 0 leaves everything as it is.
  ///   - truncate: the radius in sigmas, rounded to whole pixels.
  init(sigma: Double, truncate: Double = 4) {
    self.init(sigma: sigma, radius: sigma > 0 ? Int(truncate * sigma + 0.5) : 0)
  }

  init(sigma: Double, radius: Int) {
    self.radius = radius
    let values = (-radius...radius).map { sigma > 0 ? exp(-Double($0 * $0) / (2 * sigma * sigma)) : $0 == 0 ? 1 : 0 }
    let sum = values.reduce(0, +)
    weights = values.map { $0 / sum }
  }

  /// Smooths an image's three channels, its border repeated; floats in 0 … 255.
  func smooth(_ image: Canvas, into out: UnsafeMutablePointer<Float>) {
    let padded = image.padded(radius, .nearest)
    let (height, width) = (image.height, image.width)
    let stride = (width + 2 * radius) * 3
    let count = width * 3
    let rows = Workspace<Float>((height + 2 * radius) * count)
    let weights = weights.map { Float($0) }
    // Along rows first, for the rows above and below too.
    ci_taps_bytes(
      padded.start + radius * 3, stride, (-radius...radius).map { $0 * 3 }, weights, weights.count, rows.start, count,
      height + 2 * radius, count, 0)
    ci_taps(
      rows.start + radius * count, count, (-radius...radius).map { $0 * count }, weights, weights.count, out, count,
      height, count, 0)
  }

  /// Smooths one plane of floats in place.
  func smooth(_ plane: UnsafeMutablePointer<Float>, height: Int, width: Int, border: Border) {
    if radius == 0 { return }
    if radius >= min(height, width) {
      smoothByMatrix(plane, height: height, width: width, border: border)
      return
    }
    let stride = width + 2 * radius
    let padded = Workspace<Float>((height + 2 * radius) * stride)
    ci_pad_floats(plane, height, width, radius, border.code, padded.start)
    let rows = Workspace<Float>((height + 2 * radius) * width)
    let weights = weights.map { Float($0) }
    ci_taps(
      padded.start + radius, stride, Array(-radius...radius), weights, weights.count, rows.start, width,
      height + 2 * radius, width, 0)
    ci_taps(
      rows.start + radius * width, width, (-radius...radius).map { $0 * width }, weights, weights.count, plane, width,
      height, width, 0)
  }

  /// A filter wider than the plane comes back at its mirrored border many times; folded, it is a matrix of the plane's side.
  private func smoothByMatrix(_ plane: UnsafeMutablePointer<Float>, height: Int, width: Int, border: Border) {
    let other = Workspace<Float>(height * width)
    ci_multiply(folded(height, border), plane, other.start, height, height, width)
    let turned = Workspace<Float>(height * width)
    ci_transpose(other.start, turned.start, height, width)
    ci_multiply(folded(width, border), turned.start, other.start, width, width, height)
    ci_transpose(other.start, plane, width, height)
  }

  private func folded(_ size: Int, _ border: Border) -> [Float] {
    var matrix = [Double](repeating: 0, count: size * size)
    for row in 0..<size {
      for (index, weight) in weights.enumerated() {
        matrix[row * size + ci_fold(row + index - radius, size, border.code)] += weight
      }
    }
    return matrix.map { Float($0) }
  }
}

import CImaging

/// Rubber: an affine map that moves three points about the centre by up to `affine` pixels, then every pixel by smoothed
/// noise of its own, `α G_σ * U(-1, 1)`; bilinear both times.
///
/// As the benchmark has it. The port `imagecorruptions` leaves the affine map out and uses milder numbers. The 224 px numbers
/// are fractions of 244, a slip of the published code that its images have.
struct ElasticTransform: ImageDistortion {
  let alpha: Double
  let sigma: Double
  let affine: Double

  init(severity: Int, table: CorruptionTable) {
    let (side, shares): (Double, [(Double, Double, Double)]) =
      switch table {
      case .pixels32:
        (32, [(0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)])
      case .pixels64:
        (64, [(0, 0, 0.08), (0.05, 0.3, 0.06), (0.1, 0.08, 0.06), (0.1, 0.03, 0.03), (0.16, 0.03, 0.02)])
      default:
        (244, [(2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02)])
      }
    let share = shares[severity - 1]
    (alpha, sigma, affine) = (share.0 * side, share.1 * side, share.2 * side)
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    let (height, width) = (image.height, image.width)
    let jitter = Workspace<Float>(6)
    random.uniforms(from: Float(-affine), to: Float(affine), into: jitter.buffer)
    let warped = Workspace<Float>(4 * image.area)
    ci_affine(image.pixels, height, width, inverseMap(height, width, jitter.start), warped.start)

    // Both fields side by side in one piece of memory.
    let fields = Workspace<Float>(2 * image.area)
    let kernel = GaussianKernel(sigma: sigma, truncate: 3)
    for field in [fields.start, fields.start + image.area] {
      random.uniforms(from: Float(-alpha), to: Float(alpha), into: .init(start: field, count: image.area))
      kernel.smooth(field, height: height, width: width, border: .reflect)
    }
    ci_displace(warped.start, height, width, fields.start, fields.start + image.area, image.pixels)
  }

  /// The affine map that takes the moved points back to where they were: six numbers, two rows.
  private func inverseMap(_ height: Int, _ width: Int, _ jitter: UnsafePointer<Float>) -> [Double] {
    let centre = (Double(height / 2), Double(width / 2))
    let side = Double(min(height, width) / 3)
    let points = [
      (centre.0 + side, centre.1 + side), (centre.0 + side, centre.1 - side), (centre.0 - side, centre.1 - side),
    ]
    let moved = points.enumerated().map { ($1.0 + Double(jitter[2 * $0]), $1.1 + Double(jitter[2 * $0 + 1])) }
    // Two sides of the triangle determine the linear part, one corner the shift.
    let (ux, uy) = (moved[1].0 - moved[0].0, moved[1].1 - moved[0].1)
    let (vx, vy) = (moved[2].0 - moved[0].0, moved[2].1 - moved[0].1)
    let determinant = ux * vy - uy * vx
    guard abs(determinant) > 1e-9 else { return [1, 0, 0, 0, 1, 0] }
    func row(_ coordinate: ((Double, Double)) -> Double) -> [Double] {
      let (p, q) = (coordinate(points[1]) - coordinate(points[0]), coordinate(points[2]) - coordinate(points[0]))
      let a = (p * vy - q * uy) / determinant
      let b = (q * ux - p * vx) / determinant
      return [a, b, coordinate(points[0]) - a * moved[0].0 - b * moved[0].1]
    }
    return row { $0.0 } + row { $0.1 }
  }
}

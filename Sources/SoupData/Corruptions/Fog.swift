import CImaging

/// Uneven fog: `(x + a p) m / (m + a)` with m the image's largest value and p plasma in [0, 1], the same for all channels.
///
/// The plasma is diamond-square on a torus of the next power of two: new points are the mean of their four neighbours plus
/// `W U(-W, W)`, where W begins at 100 and is divided by the decay from level to level.
struct Fog: ImageDistortion {
  let amount: Float
  let decay: Double

  init(severity: Int, table: CorruptionTable) {
    (amount, decay) = table.pick(
      severity, [(1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)],
      [(0.4, 3), (0.7, 3), (1, 2.5), (1.5, 2), (2, 1.75)],
      [(0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)])
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    let size = Self.mapSize(image)
    let plasma = Workspace<Float>(size * size)
    let numbers = Workspace<Float>(size * size)
    random.uniforms(from: -1, to: 1, into: .init(start: numbers.start, count: size * size - 1))
    ci_plasma(plasma.start, size, decay, numbers.start)
    // The corner of the map, scaled, packed row after row.
    ci_crop_scaled(plasma.start, size, amount * 255, plasma.start, image.height, image.width)
    let most = Float(ci_largest(image.pixels, image.byteCount)) / 255
    ci_veil(image.pixels, plasma.start, most / (most + amount), image.area)
  }

  /// The smallest power of two that covers the image.
  private static func mapSize(_ image: Canvas) -> Int {
    var size = 2
    while size < max(image.height, image.width) { size *= 2 }
    return size
  }
}

/// A torn video picture: strips of rows pushed sideways, one channel pushed up or down, every second row black.
///
/// The strips are those of Python's generator with seed 1, as in the benchmark, so they lie the same way in every image of
/// one size.
/// - Source: LAION-C, with the effect of the package glitch-this.
struct Glitched: ImageDistortion {
  let amount: Int

  init(severity: Int) { amount = [2, 4, 5, 8, 10][severity - 1] }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    let original = image.copied()
    let (height, width) = (image.height, image.width)
    let farthest = Int(Double(amount * amount) / 100 * Double(width))
    for strip in 0..<2 * amount {
      var draws = MersenneTwister(seed: UInt32(1 + strip))
      let offset = draws.integer(in: -farthest...farthest)
      guard offset != 0 else { continue }
      let top = draws.integer(in: 0...height)
      let rows = min(draws.integer(in: 1...max(1, height / 4)), height - top)
      for y in top..<top + rows { Self.roll(image, original.start, y, by: offset) }
    }
    var draws = MersenneTwister(seed: 1)
    let channel = draws.integer(in: 0...2)
    let dx = draws.integer(in: -2 * amount...2 * amount)
    let dy = draws.integer(in: -2 * amount...2 * amount)
    for y in 0..<height {
      let from = original.start + 3 * (((y - dy) % height + height) % height) * width + channel
      let to = image.pixels + 3 * y * width + channel
      // Only what was the first row moves sideways too.
      let shift = (y - dy) % height == 0 ? (dx % width + width) % width : 0
      for x in 0..<width { to[3 * ((x + shift) % width)] = from[3 * x] }
    }
    for y in stride(from: 0, to: height, by: 2) {
      (image.pixels + 3 * y * width).update(repeating: 0, count: 3 * width)
    }
  }

  /// Row `y` of the original, pushed right by `offset` pixels, what falls off coming back on the left.
  private static func roll(_ image: Canvas, _ original: UnsafePointer<UInt8>, _ y: Int, by offset: Int) {
    let width = image.width
    let shift = ((offset % width) + width) % width
    let (to, from) = (image.pixels + 3 * y * width, original + 3 * y * width)
    (to + 3 * shift).update(from: from, count: 3 * (width - shift))
    to.update(from: from + 3 * (width - shift), count: 3 * shift)
  }
}

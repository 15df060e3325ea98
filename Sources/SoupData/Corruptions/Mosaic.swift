/// The image laid out of pictures: every t × t cell becomes the picture of the bank whose mean colour is nearest to the
/// cell's. Cells that the border cuts show the part of their picture that fits.
/// - Source: LAION-C. Its bank is a million training images; ours, unless given, 4096 generated scenes.
struct Mosaic: ImageDistortion {
  let tile: Int
  let bank: TextureBank?

  init(severity: Int, bank: TextureBank?) {
    tile = [4, 6, 8, 16, 28][severity - 1]
    self.bank = bank
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    let side = LaionScale.length(tile, image, least: 2)
    let tiles = (bank ?? .pictures).reduced(to: side)
    for top in stride(from: 0, to: image.height, by: side) {
      for left in stride(from: 0, to: image.width, by: side) {
        let rows = min(side, image.height - top)
        let columns = min(side, image.width - left)
        let colour = image.meanColour(top: top, left: left, rows: rows, columns: columns)
        image.paste(tiles, tiles.nearest(to: colour), top: top, left: left, rows: rows, columns: columns)
      }
    }
  }
}

extension Canvas {
  /// The mean of a rectangle.
  func meanColour(top: Int, left: Int, rows: Int, columns: Int) -> SIMD3<Float> {
    var sum = SIMD3<Int32>()
    for y in top..<top + rows {
      for x in left..<left + columns {
        let p = pixels + 3 * (y * width + x)
        sum &+= SIMD3(Int32(p[0]), Int32(p[1]), Int32(p[2]))
      }
    }
    return SIMD3<Float>(sum) / Float(rows * columns)
  }

  /// Overwrites a rectangle by the top left of a small picture.
  func paste(_ pictures: Reduction, _ index: Int, top: Int, left: Int, rows: Int, columns: Int) {
    let side = pictures.side
    pictures.pixels.withUnsafeBufferPointer { source in
      let picture = source.baseAddress! + 3 * index * side * side
      for y in 0..<rows {
        (pixels + 3 * ((top + y) * width + left)).update(from: picture + 3 * y * side, count: 3 * columns)
      }
    }
  }
}

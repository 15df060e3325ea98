/// A board of 16 × 16 cells, lighter and darker in turn, each by a shift of its own, uniform in a range.
/// - Source: LAION-C, whose original shares the shifts among the images of a batch; here each image has its own.
struct LuminanceCheckerboard: ImageDistortion {
  let range: ClosedRange<Double>

  init(severity: Int) { range = [0...50, 50...100, 100...125, 125...150, 150...255][severity - 1] }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    // 14 pixels at 224; on other sizes cells of whole pixels, sixteen a side.
    let cells = 16
    for i in 0..<cells {
      for j in 0..<cells {
        let shift = Int(random.uniform(from: range.lowerBound, to: range.upperBound)) * ((i + j) % 2 == 0 ? 1 : -1)
        for y in i * image.height / cells..<(i + 1) * image.height / cells {
          let row = image.pixels + 3 * y * image.width
          for k in 3 * (j * image.width / cells)..<3 * ((j + 1) * image.width / cells) {
            row[k] = UInt8(max(0, min(255, Int(row[k]) + shift)))
          }
        }
      }
    }
  }
}

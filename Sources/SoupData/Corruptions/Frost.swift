import CImaging

/// Frost on the window: `a x + b f` with f a piece, at a random place, of one of five pictures of frost.
///
/// CIFAR's images take their piece from pictures at 0.2 of their size, Tiny ImageNet's at 0.3. Pictures smaller than the
/// image go on mirrored.
struct Frost: ImageDistortion {
  let imageWeight: Float
  let frostWeight: Float
  let scale: Double
  let bank: TextureBank?

  init(severity: Int, table: CorruptionTable, bank: TextureBank?) {
    (imageWeight, frostWeight) = table.pick(
      severity, [(1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)],
      [(1, 0.3), (0.9, 0.4), (0.8, 0.45), (0.75, 0.5), (0.7, 0.55)],
      [(1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)])
    scale = table == .pixels32 ? 0.2 : table == .pixels64 ? 0.3 : 1
    self.bank = bank
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    let sheets = (bank ?? .frost).scaled(by: scale)
    let sheet = sheets[random.integer(below: sheets.count)]
    let top = random.integer(below: sheet.height > image.height ? sheet.height - image.height : sheet.height)
    let left = random.integer(below: sheet.width > image.width ? sheet.width - image.width : sheet.width)
    let piece = Workspace<UInt8>(image.byteCount)
    sheet.pixels.withUnsafeBufferPointer { pixels in
      for y in 0..<image.height {
        let row = pixels.baseAddress! + ci_fold(top + y, sheet.height, Border.reflect.code) * sheet.width * 3
        let to = piece.start + y * image.width * 3
        if left + image.width <= sheet.width {
          to.update(from: row + 3 * left, count: 3 * image.width)
        } else {
          for x in 0..<image.width {
            let from = row + 3 * ci_fold(left + x, sheet.width, Border.reflect.code)
            for c in 0..<3 { to[3 * x + c] = from[c] }
          }
        }
      }
    }
    ci_blend(image.pixels, piece.start, imageWeight, frostWeight, image.byteCount)
  }
}

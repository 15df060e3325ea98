/// Small pictures of other images pasted anywhere, later ones on top.
/// - Source: LAION-C: 16 px patches of 100 000 other images; ours, unless a bank is given, 4096 generated scenes.
struct Stickers: ImageDistortion {
  let count: Int
  let bank: TextureBank?

  init(severity: Int, bank: TextureBank?) {
    count = [100, 200, 400, 600, 1200][severity - 1]
    self.bank = bank
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    let side = min(LaionScale.length(16, image, least: 2), image.height, image.width)
    let patches = (bank ?? .pictures).reduced(to: side)
    for _ in 0..<count {
      let patch = random.integer(below: patches.count)
      let left = random.integer(below: max(1, image.width - side))
      let top = random.integer(below: max(1, image.height - side))
      image.paste(patches, patch, top: top, left: left, rows: side, columns: side)
    }
  }
}

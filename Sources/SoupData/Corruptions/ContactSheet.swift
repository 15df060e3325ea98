/// One page of pictures: a row for each corruption, a column for each severity, the clean image first.
public struct ContactSheet: Sendable {
  public let kinds: [CorruptionKind]
  public let seed: UInt64
  public let table: CorruptionTable
  /// Pixels a side of each picture on the page; larger images are averaged down, smaller ones enlarged by whole pixels.
  public let cell: Int

  public init(
    kinds: [CorruptionKind] = CorruptionKind.allCases, seed: UInt64 = 0, table: CorruptionTable = .automatic,
    cell: Int = 112
  ) {
    self.kinds = kinds
    self.seed = seed
    self.table = table
    self.cell = max(8, cell)
  }

  /// A scene to corrupt where there is no photograph: shapes, colours and grain, 224 px a side.
  public static var exampleImage: PixelImage { ScenePicture.large(side: 224) }

  /// Draws the page.
  /// - Throws: `DataError`, as corruptions do.
  public func draw(_ image: PixelImage, bank: TextureBank? = nil) throws -> PixelImage {
    let label = PixelFont.width(of: kinds.map(\.rawValue).max { $0.count < $1.count } ?? "") + 12
    let header = PixelFont.height + 10
    let width = label + 6 * (cell + gap)
    let height = header + kinds.count * (cell + gap)
    var page = PixelImage(
      width: width, height: height, pixels: [UInt8](repeating: 255, count: 3 * width * height))
    for column in 0..<6 {
      let title = column == 0 ? "clean" : "\(column)"
      let left = label + column * (cell + gap) + (cell - PixelFont.width(of: title)) / 2
      PixelFont.write(title, on: &page, left: left, top: 5)
    }
    for (row, kind) in kinds.enumerated() {
      let top = header + row * (cell + gap)
      PixelFont.write(kind.rawValue, on: &page, left: 4, top: top + (cell - PixelFont.height) / 2)
      place(image, on: &page, left: label, top: top)
      for severity in 1...5 {
        var corrupted = image
        try Corruption(kind, severity: severity, table: table, bank: bank).apply(to: &corrupted, seed: seed, index: 0)
        place(corrupted, on: &page, left: label + severity * (cell + gap), top: top)
      }
    }
    return page
  }

  private let gap = 4

  private func place(_ image: PixelImage, on page: inout PixelImage, left: Int, top: Int) {
    let square = image.centreSquare()
    let picture = square.width > cell ? square.reduced(height: cell, width: cell) : square
    let scale = max(1, cell / picture.width)
    let margin = (cell - scale * picture.width) / 2
    for y in 0..<scale * picture.height {
      for x in 0..<scale * picture.width {
        let from = 3 * (y / scale * picture.width + x / scale)
        let to = 3 * ((top + margin + y) * page.width + left + margin + x)
        for c in 0..<3 { page.pixels[to + c] = picture.pixels[from + c] }
      }
    }
  }
}

/// Capital letters and digits of 3 × 5 dots, each two pixels wide.
private enum PixelFont {
  static let height = 10
  private static let dot = 2

  /// Five rows of three dots, an octal digit each.
  private static let glyphs: [Character: String] = [
    "a": "25755", "b": "65656", "c": "34443", "d": "65556", "e": "74647", "f": "74644", "g": "34553", "h": "55755",
    "i": "72227", "j": "11152", "k": "55655", "l": "44447", "m": "57755", "n": "65555", "o": "25552", "p": "65644",
    "q": "25563", "r": "65655", "s": "34216", "t": "72222", "u": "55557", "v": "55552", "w": "55775", "x": "55255",
    "y": "55222", "z": "71247", "0": "75557", "1": "26227", "2": "61247", "3": "61216", "4": "55711", "5": "74616",
    "6": "34757", "7": "71122", "8": "75757", "9": "75716", "-": "00700",
  ]

  static func width(of text: String) -> Int { text.count * 4 * dot }

  static func write(_ text: String, on page: inout PixelImage, left: Int, top: Int) {
    for (index, character) in text.lowercased().enumerated() {
      guard let rows = glyphs[character] else { continue }
      for (row, digit) in rows.enumerated() {
        for column in 0..<3 where digit.wholeNumberValue! >> (2 - column) & 1 == 1 {
          for y in 0..<dot {
            for x in 0..<dot {
              let at = (top + row * dot + y) * page.width + left + (index * 4 + column) * dot + x
              for c in 0..<3 { page.pixels[3 * at + c] = 40 }
            }
          }
        }
      }
    }
  }
}

extension PixelImage {
  /// The image turned upright: what Pillow's `ImageOps.exif_transpose` does.
  /// - Parameter orientation: Exif's number, 1 to 8; others leave the image as it is.
  public func oriented(_ orientation: Int) -> PixelImage {
    guard (2...8).contains(orientation) else { return self }
    let isTransposed = orientation >= 5
    let (columns, rows) = isTransposed ? (height, width) : (width, height)
    // Where the pixel at (x, y) of the result is in the stored image.
    let source: (Int, Int) -> (x: Int, y: Int) =
      switch orientation {
      case 2: { (width - 1 - $0, $1) }
      case 3: { (width - 1 - $0, height - 1 - $1) }
      case 4: { ($0, height - 1 - $1) }
      case 5: { ($1, $0) }
      case 6: { ($1, height - 1 - $0) }
      case 7: { (width - 1 - $1, height - 1 - $0) }
      default: { (width - 1 - $1, $0) }
      }
    return PixelImage(width: columns, height: rows) { target in
      var at = 0
      for y in 0..<rows {
        for x in 0..<columns {
          let from = source(x, y)
          let base = (from.y * width + from.x) * 3
          for channel in 0..<3 { target[at + channel] = pixels[base + channel] }
          at += 3
        }
      }
    }
  }
}

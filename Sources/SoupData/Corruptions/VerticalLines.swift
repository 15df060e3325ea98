/// The image drawn with l vertical lines on black: each takes the colours of its strip on the way down and bends left by up
/// to 40 px where the strip is dark.
/// - Source: LAION-C.
struct VerticalLines: ImageDistortion {
  let columns: Int
  let step: Int

  init(severity: Int) {
    columns = [224, 178, 112, 84, 60][severity - 1]
    step = [1, 2, 4, 6, 8][severity - 1]
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    let original = image.copied()
    let source = Canvas(pixels: original.start, height: image.height, width: image.width)
    image.bytes.update(repeating: 0)
    let count = min(image.width, LaionScale.length(columns, image))
    let down = LaionScale.length(step, image)
    let bend = 40 * Double(min(image.height, image.width)) / 224
    let spacing = Double(image.width) / Double(count)
    for column in 0..<count {
      let x = Double(column) * spacing
      let (left, right) = (Int(x), min(image.width, Int(x + spacing)))
      guard left < right else { continue }
      var previous = (x: left, y: 0)
      for y in stride(from: 0, to: image.height, by: down) {
        let mean = source.meanColour(
          top: y, left: left, rows: min(down, image.height - y), columns: right - left)
        let colour = SIMD3<Int>(Int(mean.x), Int(mean.y), Int(mean.z))
        let weighted: Int = 19595 * colour.x + 38470 * colour.y + 7471 * colour.z
        let luma = Double((weighted + 0x8000) >> 16)
        let next = (x: Int(x - bend * (1 - luma / 255)), y: y)
        image.line(from: previous, to: next, colour)
        previous = next
      }
    }
  }
}

extension Canvas {
  /// A line one pixel wide, both ends included (Bresenham); what lies outside is left out.
  func line(from start: (x: Int, y: Int), to end: (x: Int, y: Int), _ colour: SIMD3<Int>) {
    let (dx, dy) = (abs(end.x - start.x), -abs(end.y - start.y))
    let (sx, sy) = (start.x < end.x ? 1 : -1, start.y < end.y ? 1 : -1)
    var (x, y, error) = (start.x, start.y, dx + dy)
    while true {
      set(x: x, y: y, colour)
      if x == end.x && y == end.y { return }
      let twice = 2 * error
      if twice >= dy {
        error += dy
        x += sx
      }
      if twice <= dx {
        error += dx
        y += sy
      }
    }
  }

  /// Sets one pixel, if it is in the image.
  func set(x: Int, y: Int, _ colour: SIMD3<Int>) {
    guard x >= 0, y >= 0, x < width, y < height else { return }
    let p = pixels + 3 * (y * width + x)
    for c in 0..<3 { p[c] = UInt8(colour[c]) }
  }
}

import Foundation

/// Filled triangles, squares, stars and circles of random colours, 6 to 15 px, anywhere.
/// - Source: LAION-C.
struct GeometricShapes: ImageDistortion {
  let count: Int

  init(severity: Int) { count = [150, 300, 600, 800, 1000][severity - 1] }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    for _ in 0..<count {
      let kind = random.integer(below: 4)
      let x = Double(random.integer(below: image.width))
      let y = Double(random.integer(below: image.height))
      let size = Double(LaionScale.length(6 + random.integer(below: 10), image, least: 2))
      let colour = SIMD3(random.integer(below: 256), random.integer(below: 256), random.integer(below: 256))
      switch kind {
      case 0: image.fill([(x, y), (x + size, y), (x + size / 2, y + size)], colour)
      case 1: image.fill([(x, y), (x + size, y), (x + size, y + size), (x, y + size)], colour)
      case 2:
        let turn = Double(random.integer(below: 360))
        image.fill(
          (0..<10).map { corner in
            let angle = (Double(36 * corner) + turn) * .pi / 180
            let radius = size / 1.2 * (corner % 2 == 0 ? 1 : 0.5)
            return (x + radius * cos(angle), y + radius * sin(angle))
          }, colour)
      default: image.fillCircle(x + size / 2, y + size / 2, size / 2, colour)
      }
    }
  }
}

extension Canvas {
  /// Every pixel whose centre lies inside a polygon, by the even-odd rule.
  func fill(_ corners: [(x: Double, y: Double)], _ colour: SIMD3<Int>) {
    let first = max(0, Int((corners.map(\.y).min() ?? 0).rounded(.down)))
    let last = min(height - 1, Int((corners.map(\.y).max() ?? -1).rounded(.up)))
    guard first <= last else { return }
    for y in first...last {
      let level = Double(y)
      var crossings: [Double] = []
      for (index, a) in corners.enumerated() {
        let b = corners[(index + 1) % corners.count]
        if (a.y <= level) != (b.y <= level) { crossings.append(a.x + (level - a.y) / (b.y - a.y) * (b.x - a.x)) }
      }
      crossings.sort()
      for pair in stride(from: 0, to: crossings.count - 1, by: 2) {
        let (left, right) = (Int(crossings[pair].rounded(.up)), Int(crossings[pair + 1].rounded(.down)))
        if left <= right { for x in left...right { set(x: x, y: y, colour) } }
      }
    }
  }

  /// Every pixel whose centre is within a circle.
  func fillCircle(_ centreX: Double, _ centreY: Double, _ radius: Double, _ colour: SIMD3<Int>) {
    for y in Int((centreY - radius).rounded(.down))...Int((centreY + radius).rounded(.up)) {
      let rest = radius * radius - (Double(y) - centreY) * (Double(y) - centreY)
      guard rest >= 0 else { continue }
      let (left, right) = (
        Int((centreX - rest.squareRoot()).rounded(.up)), Int((centreX + rest.squareRoot()).rounded(.down))
      )
      if left <= right { for x in left...right { set(x: x, y: y, colour) } }
    }
  }
}

import CImaging
import Foundation
import SoupTensors

/// Frost on a window, made by rules: needles of ice that branch at 60°, over a cloud of rime, blue in the thin places.
enum FrostTexture {
  static let side = 1024

  /// Sheet number `index`, always the same.
  static func make(_ index: Int) -> PixelImage {
    var random = CounterGenerator(seed: 0).derived("frost").derived(UInt64(index))
    let area = side * side
    let rime = Workspace<Float>(area)
    let noise = Workspace<Float>(area)
    let key = random.derived("rime").key
    ci_uniforms(UInt64(key.x) | UInt64(key.y) << 32, 0, -1, 2, noise.start, area)
    ci_plasma(rime.start, side, 1.45, noise.start)

    let ice = Workspace<Float>(area)
    ice.buffer.initialize(repeating: 0)
    // Fewer, longer needles from sheet to sheet.
    let needles = 260 - 40 * index
    for _ in 0..<needles {
      let start = (Double(random.below(side)), Double(random.below(side)))
      let length = 60 + 160 * random.uniform() * random.uniform() * Double(index + 2) / 3
      branch(ice.start, start, 2 * .pi * random.uniform(), length, 0.5 + 0.5 * random.uniform(), 3, &random)
    }
    let glow = Workspace<Float>(area)
    glow.start.update(from: ice.start, count: area)
    GaussianKernel(sigma: 2.5, truncate: 3).smooth(glow.start, height: side, width: side, border: .reflect)

    var sheet = [UInt8](repeating: 0, count: 3 * area)
    for i in 0..<area {
      let cloud = rime.start[i]
      let light = min(1, 0.12 + 0.75 * cloud * cloud + 0.45 * min(1, ice.start[i]) + 0.9 * min(0.6, glow.start[i]))
      // Thin ice lets a blue dusk through; thick ice is white.
      let colour = SIMD3<Float>(0.78, 0.9, 1) + (SIMD3<Float>(1, 1, 1) - SIMD3<Float>(0.78, 0.9, 1)) * light
      for c in 0..<3 { sheet[3 * i + c] = UInt8(max(0, min(255, 255 * light * colour[c]))) }
    }
    return PixelImage(width: side, height: side, pixels: sheet)
  }

  /// A needle with side needles on both sides, shorter towards its tip.
  private static func branch(
    _ ice: UnsafeMutablePointer<Float>, _ start: (x: Double, y: Double), _ angle: Double, _ length: Double,
    _ light: Double, _ depth: Int, _ random: inout CounterGenerator
  ) {
    guard depth > 0, length > 3 else { return }
    let (dx, dy) = (cos(angle), sin(angle))
    var next = 4 + 10 * random.uniform()
    for step in 0..<Int(length) {
      let t = Double(step)
      let (x, y) = (start.x + t * dx, start.y + t * dy)
      add(ice, x, y, light * (1 - 0.6 * t / length))
      guard t >= next else { continue }
      next = t + 5 + 9 * random.uniform()
      let rest = (length - t) * (0.25 + 0.3 * random.uniform())
      branch(ice, (x, y), angle + .pi / 3, rest, light * 0.8, depth - 1, &random)
      branch(ice, (x, y), angle - .pi / 3, rest, light * 0.8, depth - 1, &random)
    }
  }

  /// Light spread over the four pixels about a point; the sheet's sides meet.
  private static func add(_ ice: UnsafeMutablePointer<Float>, _ x: Double, _ y: Double, _ light: Double) {
    let (left, top) = (x.rounded(.down), y.rounded(.down))
    let (u, v) = (x - left, y - top)
    let mask = side - 1
    let (x0, y0) = (Int(left) & mask, Int(top) & mask)
    let (x1, y1) = ((x0 + 1) & mask, (y0 + 1) & mask)
    for (px, py, share) in [(x0, y0, (1 - u) * (1 - v)), (x1, y0, u * (1 - v)), (x0, y1, (1 - u) * v), (x1, y1, u * v)]
    {
      let i = py * side + px
      ice[i] = min(1, ice[i] + Float(light * share))
    }
  }
}

import SoupTensors

/// A small scene made by rules: two colours from edge to edge, a horizon, a few shapes, grain. Enough like a photograph seen
/// from afar to serve as a mosaic tile or a sticker.
enum ScenePicture {
  /// `count` scenes, always the same; mean colours cover the cube, most of them near grey as in photographs.
  static func all(_ count: Int, side: Int) -> [PixelImage] {
    let root = CounterGenerator(seed: 0).derived("scenes")
    return (0..<count).map { index in
      var random = root.derived(UInt64(index))
      return make(side, &random)
    }
  }

  /// One large scene, always the same.
  static func large(side: Int) -> PixelImage {
    var random = CounterGenerator(seed: 0).derived("large scene").derived(3)
    return make(side, &random)
  }

  private static func make(_ side: Int, _ random: inout CounterGenerator) -> PixelImage {
    let middle = colour(&random)
    let sky = near(middle, 45, &random)
    let ground = near(middle, 45, &random)
    let horizon = 0.3 + 0.4 * random.uniform()
    let slope = 0.6 * (random.uniform() - 0.5)
    var blobs: [(x: Double, y: Double, width: Double, height: Double, isRound: Bool, colour: SIMD3<Double>)] = []
    for _ in 0..<2 + random.below(4) {
      blobs.append(
        (
          random.uniform(), random.uniform(), 0.08 + 0.25 * random.uniform(), 0.08 + 0.25 * random.uniform(),
          random.chance(0.5), near(middle, 75, &random)
        ))
    }
    let grain = 4 + 18 * random.uniform()
    var bytes = [UInt8](repeating: 0, count: 3 * side * side)
    for y in 0..<side {
      for x in 0..<side {
        let (u, v) = ((Double(x) + 0.5) / Double(side), (Double(y) + 0.5) / Double(side))
        var pixel = v < horizon + slope * (u - 0.5) ? sky * (0.8 + 0.4 * v) : ground * (1.15 - 0.3 * v)
        for blob in blobs {
          let (a, b) = ((u - blob.x) / blob.width, (v - blob.y) / blob.height)
          if blob.isRound ? a * a + b * b < 1 : max(abs(a), abs(b)) < 0.8 { pixel = blob.colour * (1 - 0.2 * b) }
        }
        let shade = grain * (random.uniform() - 0.5)
        for c in 0..<3 { bytes[3 * (y * side + x) + c] = UInt8(max(0, min(255, pixel[c] + shade))) }
      }
    }
    return PixelImage(width: side, height: side, pixels: bytes)
  }

  /// A colour about the grey axis; every fourth anywhere in the cube.
  private static func colour(_ random: inout CounterGenerator) -> SIMD3<Double> {
    if random.chance(0.25) { return 255 * SIMD3(random.uniform(), random.uniform(), random.uniform()) }
    return near(SIMD3(repeating: 255 * random.uniform()), 80, &random)
  }

  private static func near(_ colour: SIMD3<Double>, _ spread: Double, _ random: inout CounterGenerator) -> SIMD3<Double>
  {
    let shift = SIMD3(random.uniform(), random.uniform(), random.uniform()) - 0.5
    return (colour + 2 * spread * shift).clamped(lowerBound: .zero, upperBound: SIMD3(repeating: 255))
  }
}

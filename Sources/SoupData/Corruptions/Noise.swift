import CImaging
import Synchronization

/// Normal noise on every byte: `x + N(0, c)`, x in [0, 1].
/// - Source: Hendrycks and Dietterich, 2019, arXiv:1903.12261, as are all corruptions without another source.
struct GaussianNoise: ImageDistortion {
  let deviation: Float

  init(severity: Int, table: CorruptionTable) {
    deviation = table.pick(
      severity, [0.08, 0.12, 0.18, 0.26, 0.38], [0.04, 0.08, 0.12, 0.15, 0.18], [0.04, 0.06, 0.08, 0.09, 0.10])
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    let noise = Workspace<Float>(image.byteCount)
    random.normals(mean: 0, deviation: 1, into: noise.buffer)
    ci_add_noise(image.pixels, noise.start, deviation * 255, image.byteCount)
  }
}

/// Noise that grows with the light: `x + x N(0, c)`.
struct SpeckleNoise: ImageDistortion {
  let deviation: Float

  init(severity: Int, table: CorruptionTable) {
    deviation = table.pick(
      severity, [0.15, 0.2, 0.35, 0.45, 0.6], [0.15, 0.2, 0.25, 0.3, 0.35], [0.06, 0.1, 0.12, 0.16, 0.2])
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    let noise = Workspace<Float>(image.byteCount)
    random.normals(mean: 0, deviation: 1, into: noise.buffer)
    ci_multiply_noise(image.pixels, noise.start, deviation, image.byteCount)
  }
}

/// Salt and pepper: every byte, of each channel by itself, becomes 255 with probability c/2 and 0 with c/2.
struct ImpulseNoise: ImageDistortion {
  let fraction: Float

  init(severity: Int, table: CorruptionTable) {
    fraction = table.pick(
      severity, [0.03, 0.06, 0.09, 0.17, 0.27], [0.01, 0.02, 0.05, 0.08, 0.14], [0.01, 0.02, 0.03, 0.05, 0.07])
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    let numbers = Workspace<Float>(image.byteCount)
    random.uniforms(from: 0, to: 1, into: numbers.buffer)
    ci_salt_and_pepper(image.pixels, numbers.start, fraction, image.byteCount)
  }
}

/// Counted photons: `Poisson(c x) / c`.
///
/// The 256 values of a byte have 256 distributions, tabulated once for each c, so that a byte costs one random word and one
/// look-up. All counts of c or more are white and need no telling apart.
struct ShotNoise: ImageDistortion {
  let photons: Int

  init(severity: Int, table: CorruptionTable) {
    photons = table.pick(severity, [60, 25, 12, 5, 3], [250, 100, 50, 30, 15], [500, 250, 100, 75, 50])
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    let words = Workspace<UInt32>(image.byteCount)
    if random.words(into: words.buffer) {
      let table = Self.table(photons)
      ci_replace_by_alias(image.pixels, table.entries, UInt32(table.bits), words.start, image.byteCount)
      return
    }
    let means = Workspace<Double>(image.byteCount)
    for i in 0..<image.byteCount { means.start[i] = Double(image.pixels[i]) / 255 * Double(photons) }
    let counts = Workspace<Int32>(image.byteCount)
    random.poisson(means: UnsafeBufferPointer(means.buffer), into: counts.buffer)
    let bytes = Self.bytes(photons)
    for i in 0..<image.byteCount { image.pixels[i] = bytes[min(photons, Int(counts.start[i]))] }
  }

  /// The byte of each count, 0 to `photons`.
  private static func bytes(_ photons: Int) -> [UInt8] {
    (0...photons).map { UInt8(Double($0) / Double(photons) * 255) }
  }

  private static let tables = Mutex<[Int: AliasTable]>([:])

  private static func table(_ photons: Int) -> AliasTable {
    tables.withLock { tables in
      if let known = tables[photons] { return known }
      let bits = Int.bitWidth - photons.leadingZeroBitCount
      let made = AliasTable(
        bits: bits,
        distributions: (0..<256).map {
          PoissonDistribution.probabilities(mean: Double($0) / 255 * Double(photons), last: photons)
        }, outcomes: bytes(photons))
      tables[photons] = made
      return made
    }
  }
}

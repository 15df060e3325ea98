import CImaging

/// Drops of water or mud on the lens, where smoothed normal noise exceeds a threshold.
///
/// Water (severities 1 to 3) is embossed by the distance to the drops' edges and adds a pale turquoise; mud covers the image.
struct Spatter: ImageDistortion {
  let mean: Float
  let deviation: Float
  let sigma: Double
  let threshold: Float
  /// Water: how strongly it is added. Mud: the Gaussian that softens its edge, in pixels.
  let strength: Double
  let isMud: Bool

  init(severity: Int, table: CorruptionTable) {
    let isMud = severity > 3
    (mean, deviation, sigma, threshold, strength) = table.pick(
      severity,
      [
        (0.65, 0.3, 4, 0.69, 0.6), (0.65, 0.3, 3, 0.68, 0.6), (0.65, 0.3, 2, 0.68, 0.5), (0.65, 0.3, 1, 0.65, 1.5),
        (0.67, 0.4, 1, 0.65, 1.5),
      ],
      [
        (0.62, 0.1, 0.7, 0.7, 0.6), (0.65, 0.1, 0.8, 0.7, 0.6), (0.65, 0.3, 1, 0.69, 0.6), (0.65, 0.1, 0.7, 0.68, 0.6),
        (0.65, 0.1, 0.5, 0.67, 0.6),
      ],
      [
        (0.62, 0.1, 0.7, 0.7, 0.5), (0.65, 0.1, 0.8, 0.7, 0.5), (0.65, 0.3, 1, 0.69, 0.5), (0.65, 0.1, 0.7, 0.69, 0.6),
        (0.65, 0.1, 0.5, 0.68, 0.6),
      ])
    self.isMud = isMud
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) {
    let (height, width) = (image.height, image.width)
    let liquid = Workspace<Float>(image.area)
    random.normals(mean: mean, deviation: deviation, into: liquid.buffer)
    GaussianKernel(sigma: sigma).smooth(liquid.start, height: height, width: width, border: .nearest)
    if isMud {
      for i in 0..<image.area { liquid.start[i] = liquid.start[i] > threshold ? 1 : 0 }
      GaussianKernel(sigma: strength).smooth(liquid.start, height: height, width: width, border: .nearest)
      for i in 0..<image.area where liquid.start[i] < 0.8 { liquid.start[i] = 0 }
      ci_cover(image.pixels, liquid.start, [63, 42, 20], 1, image.area)
    } else {
      let drops = Workspace<UInt8>(image.area)
      ci_threshold(liquid.start, threshold, drops.start, image.area)
      emboss(drops, height, width, into: liquid.start)
      ci_cover(image.pixels, liquid.start, [175, 238, 238], 0, image.area)
    }
  }

  /// Light on the drops: the product of their thickness and a relief of the distance to their edges, at most `strength`.
  private func emboss(
    _ drops: Workspace<UInt8>, _ height: Int, _ width: Int, into mask: UnsafeMutablePointer<Float>
  ) {
    let area = height * width
    let edges = Workspace<UInt8>(area)
    let work = Workspace<UInt32>(3 * (height + 4) * (width + 4))
    work.start.withMemoryRebound(to: Int32.self, capacity: work.count) {
      ci_canny(drops.start, height, width, 50, 150, edges.start, $0)
    }
    let distance = Workspace<Float>(area)
    ci_edge_distance(edges.start, height, width, distance.start, work.start)
    for i in 0..<area { distance.start[i] = min(distance.start[i], 20) }

    let relief = Workspace<UInt8>(area)
    let ninth: [Float] = Array(repeating: 1.0 / 9, count: 9)
    filter3x3(distance.start, height, width, ninth)
    ci_to_bytes(distance.start, relief.start, area)
    ci_equalize(relief.start, area)
    for weights in [[-2, -1, 0, -1, 1, 1, 0, 1, 2], ninth] {
      for i in 0..<area { distance.start[i] = Float(relief.start[i]) }
      filter3x3(distance.start, height, width, weights)
      ci_round_to_bytes(distance.start, relief.start, area)
    }
    var most: Float = 0
    for i in 0..<area {
      mask[i] = Float(drops.start[i]) * Float(relief.start[i])
      most = max(most, mask[i])
    }
    // Without any drop there is nothing to divide by, nor to add.
    let scale = most > 0 ? Float(strength) / most : 0
    for i in 0..<area { mask[i] *= scale }
  }

  private func filter3x3(_ plane: UnsafeMutablePointer<Float>, _ height: Int, _ width: Int, _ weights: [Float]) {
    let stride = width + 2
    let padded = Workspace<Float>((height + 2) * stride)
    ci_pad_floats(plane, height, width, 1, Border.reflect101.code, padded.start)
    let offsets = [-1, 0, 1].flatMap { dy in [-1, 0, 1].map { dy * stride + $0 } }
    ci_taps(padded.start + stride + 1, stride, offsets, weights, 9, plane, width, height, width, 0)
  }
}

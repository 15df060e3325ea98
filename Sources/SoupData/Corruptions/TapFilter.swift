import CImaging

/// A sum of shifted copies of an image, each with a weight.
struct TapFilter: Sendable {
  private(set) var taps: [(dy: Int, dx: Int, weight: Float)] = []

  mutating func add(dy: Int, dx: Int, weight: Double) { taps.append((dy, dx, Float(weight))) }

  /// How far the taps reach.
  var reach: Int { taps.reduce(0) { max($0, max(abs($1.dy), abs($1.dx))) } }

  var weights: [Float] { taps.map(\.weight) }

  /// The taps as distances in memory.
  func offsets(stride: Int, channels: Int) -> [Int] { taps.map { $0.dy * stride + $0.dx * channels } }

  /// Applies the filter; `source` is padded by at least `reach`.
  /// - Parameters:
  ///   - pad: how many pixels were added on each side.
  ///   - accumulate: adds to `out` instead of setting it.
  func apply(
    to source: UnsafePointer<UInt8>, pad: Int, height: Int, width: Int, channels: Int,
    into out: UnsafeMutablePointer<Float>, accumulate: Bool = false
  ) {
    let stride = (width + 2 * pad) * channels
    ci_taps_bytes(
      source + pad * stride + pad * channels, stride, offsets(stride: stride, channels: channels), weights, taps.count,
      out, width * channels, height, width * channels, accumulate ? 1 : 0)
  }
}

extension Canvas {
  /// A copy with `pad` more pixels on every side.
  func padded(_ pad: Int, _ border: Border) -> Workspace<UInt8> {
    let copy = Workspace<UInt8>((height + 2 * pad) * (width + 2 * pad) * 3)
    ci_pad(pixels, height, width, 3, pad, border.code, copy.start)
    return copy
  }
}

/// How an image goes on beyond its border.
enum Border {
  /// The last pixel repeated: `aaa|abcd|ddd`.
  case nearest
  /// Mirrored with the last pixel: `cba|abcd|dcb`.
  case reflect
  /// Mirrored without it: `dcb|abcd|cba`.
  case reflect101

  var code: Int32 {
    switch self {
    case .nearest: Int32(CI_NEAREST)
    case .reflect: Int32(CI_REFLECT)
    case .reflect101: Int32(CI_REFLECT_101)
    }
  }
}

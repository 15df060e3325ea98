/// LAION-C is defined for images of 224 pixels. On others its lengths keep their share of the shorter side: our own choice,
/// the benchmark has none.
enum LaionScale {
  /// A length in pixels at 224, for this image; at least `least`.
  static func length(_ pixels: Int, _ image: Canvas, least: Int = 1) -> Int {
    let side = min(image.height, image.width)
    return max(least, (pixels * side + 112) / 224)
  }
}

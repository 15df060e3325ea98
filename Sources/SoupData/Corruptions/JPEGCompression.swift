import CImages

/// Encoded and decoded as JPEG at quality c, colours at half resolution (4:2:0).
struct JPEGCompression: ImageDistortion {
  let quality: Int

  init(severity: Int, table: CorruptionTable) {
    quality = table.pick(severity, [25, 18, 15, 10, 7], [65, 58, 50, 40, 25], [80, 65, 58, 50, 40])
  }

  func apply(to image: Canvas, _ random: inout some CorruptionRandomness) throws {
    var encoded: UnsafeMutablePointer<UInt8>?
    var count = 0
    var report = cimages_report()
    defer { cimages_free(encoded) }
    var whole = cimages_region(denominator: 1, left: 0, top: 0, width: 0, height: 0)
    let (width, height) = (Int32(clamping: image.width), Int32(clamping: image.height))
    guard
      cimages_encode_jpeg(
        image.pixels, width, height, 3, Int32(quality), CIMAGES_420, &encoded, &count, &report) == CIMAGES_OK,
      let bytes = encoded,
      cimages_decode(bytes, count, .max, &whole, image.pixels, image.byteCount, &report) == CIMAGES_OK
    else {
      let words = withUnsafeBytes(of: &report.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      throw DataError(.invalidRequest, "an image cannot pass through JPEG", found: words)
    }
  }
}

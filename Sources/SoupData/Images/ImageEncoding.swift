import CImages

extension ImageCodec {
  public enum Subsampling: Sendable, Hashable {
    /// Chroma at half the size both ways: Pillow's and most cameras' default.
    case half
    /// Chroma at full size.
    case none
  }

  /// A JPEG file of `width × height × channels` bytes (1 grey, 3 RGB). With `.half`, Pillow's bytes for `save(quality=…)`.
  /// - Parameter quality: 1 to 100 on the scale of libjpeg.
  /// - Throws: `DataError.invalidRequest`.
  public static func jpeg(
    _ pixels: UnsafeBufferPointer<UInt8>, width: Int, height: Int, channels: Int = 3, quality: Int = 75,
    subsampling: Subsampling = .half
  ) throws(DataError) -> [UInt8] {
    try encode(pixels, width: width, height: height, channels: channels) { output, count, report in
      cimages_encode_jpeg(
        pixels.baseAddress, Int32(clamping: width), Int32(clamping: height), Int32(clamping: channels),
        Int32(clamping: quality), subsampling == .half ? CIMAGES_420 : CIMAGES_444, &output, &count, &report)
    }
  }

  /// A PNG file of `width × height × channels` bytes (1 grey, 3 RGB, 4 RGBA).
  /// - Parameter level: 0 (fast) to 9 (small).
  /// - Throws: `DataError.invalidRequest`.
  public static func png(
    _ pixels: UnsafeBufferPointer<UInt8>, width: Int, height: Int, channels: Int = 3, level: Int = 6
  ) throws(DataError) -> [UInt8] {
    try encode(pixels, width: width, height: height, channels: channels) { output, count, report in
      cimages_encode_png(
        pixels.baseAddress, Int32(clamping: width), Int32(clamping: height), Int32(clamping: channels),
        Int32(clamping: level), &output, &count, &report)
    }
  }

  private static func encode(
    _ pixels: UnsafeBufferPointer<UInt8>, width: Int, height: Int, channels: Int,
    with encoder: (inout UnsafeMutablePointer<UInt8>?, inout Int, inout cimages_report) -> cimages_status
  ) throws(DataError) -> [UInt8] {
    let (row, isRowLarge) = width.multipliedReportingOverflow(by: channels)
    let (size, isLarge) = row.multipliedReportingOverflow(by: height)
    guard !isRowLarge, !isLarge, size == pixels.count else {
      throw DataError(
        .invalidRequest, "the pixels do not fill the image", expected: "\(width) × \(height) × \(channels) bytes",
        found: "\(pixels.count)")
    }
    var output: UnsafeMutablePointer<UInt8>?
    var count = 0
    var report = cimages_report()
    let status = encoder(&output, &count, &report)
    defer { cimages_free(output) }
    guard status == CIMAGES_OK, let output else {
      let words = withUnsafeBytes(of: &report.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      throw DataError(.invalidRequest, "the image cannot be encoded", found: words)
    }
    return Array(UnsafeBufferPointer(start: output, count: count))
  }
}

extension PixelImage {
  /// As a JPEG file.
  public func jpeg(quality: Int = 75, subsampling: ImageCodec.Subsampling = .half) throws(DataError) -> [UInt8] {
    try pixels.withUnsafeBufferPointer { bytes throws(DataError) in
      try ImageCodec.jpeg(bytes, width: width, height: height, quality: quality, subsampling: subsampling)
    }
  }

  /// As a PNG file.
  public func png(level: Int = 6) throws(DataError) -> [UInt8] {
    try pixels.withUnsafeBufferPointer { bytes throws(DataError) in
      try ImageCodec.png(bytes, width: width, height: height, level: level)
    }
  }
}

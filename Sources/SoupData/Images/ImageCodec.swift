import CImages

/// Decodes and encodes JPEG and PNG.
///
/// Decoding gives what Pillow's `Image.open(…).convert("RGB")` gives: grey becomes three equal channels, alpha is dropped, 16
/// bits keep the upper 8 and CMYK is taken to be stored inverted, as Adobe does. Exif's orientation is not applied unless asked
/// (`applyOrientation`), since torchvision's folders do not apply it either. Files that end early are refused; other damage
/// that the library repairs is counted.
public struct ImageCodec: Sendable, Hashable {
  /// Larger images are refused before memory is allocated. Pillow's limit, 178,956,970, by default.
  public var pixelLimit: Int
  /// Whether images are turned upright as Exif says.
  public var appliesOrientation: Bool

  public init(pixelLimit: Int = 178_956_970, appliesOrientation: Bool = false) {
    self.pixelLimit = pixelLimit
    self.appliesOrientation = appliesOrientation
  }

  /// Size and kind of an image file.
  /// - Parameter name: for messages.
  /// - Throws: `DataError`: `.damaged`, `.wrongSize` (ends early), `.tooLarge`.
  public func header(of bytes: UnsafeRawBufferPointer, name: String) throws(DataError) -> ImageHeader {
    var header = cimages_header()
    var report = cimages_report()
    let input = bytes.bindMemory(to: UInt8.self).baseAddress
    try check(cimages_read_header(input, bytes.count, Int64(pixelLimit), &header, &report), report, name)
    return ImageHeader(header, format: cimages_recognize(input, bytes.count) == CIMAGES_PNG ? .png : .jpeg)
  }

  /// A part of an image, at a reduced scale if asked.
  public struct Region: Sendable, Hashable {
    /// 1, 2, 4 or 8: JPEG decodes at `⌈size / denominator⌉` for a fraction of the cost. 1 for PNG.
    public var denominator: Int
    /// In pixels of the image at that scale.
    public var left, top, width, height: Int

    public init(denominator: Int = 1, left: Int, top: Int, width: Int, height: Int) {
      self.denominator = denominator
      self.left = left
      self.top = top
      self.width = width
      self.height = height
    }
  }

  /// Decodes a part of an image as stored, into `width × height × 3` bytes. At scale 1 the bytes are those of the whole image.
  /// - Returns: how many faults the library repaired by guessing.
  /// - Throws: `DataError`.
  @discardableResult
  public func decode(
    _ bytes: UnsafeRawBufferPointer, region: Region, into pixels: UnsafeMutableBufferPointer<UInt8>, name: String
  ) throws(DataError) -> Int {
    var report = cimages_report()
    var request = cimages_region(
      denominator: Int32(clamping: region.denominator), left: Int32(clamping: region.left),
      top: Int32(clamping: region.top), width: Int32(clamping: region.width), height: Int32(clamping: region.height))
    let status = cimages_decode(
      bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, Int64(pixelLimit), &request, pixels.baseAddress,
      pixels.count, &report)
    try check(status, report, name)
    return Int(report.warnings)
  }

  /// Decodes a whole image.
  /// - Throws: `DataError`.
  public func decode(_ bytes: UnsafeRawBufferPointer, name: String = "image") throws(DataError) -> PixelImage {
    let header = try header(of: bytes, name: name)
    var failure: DataError?
    let image = PixelImage(width: header.width, height: header.height) { pixels in
      do throws(DataError) {
        let whole = Region(left: 0, top: 0, width: header.width, height: header.height)
        try decode(bytes, region: whole, into: pixels, name: name)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return appliesOrientation ? image.oriented(header.orientation) : image
  }

  /// Decodes a whole image from an array.
  public func decode(_ bytes: [UInt8], name: String = "image") throws -> PixelImage {
    try bytes.withUnsafeBytes { try decode($0, name: name) }
  }

  private func check(_ status: cimages_status, _ report: cimages_report, _ name: String) throws(DataError) {
    guard status != CIMAGES_OK else { return }
    var report = report
    let words = withUnsafeBytes(of: &report.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    switch status {
    case CIMAGES_TRUNCATED: throw DataError(.wrongSize, file: name, "ends early", found: words)
    case CIMAGES_TOO_LARGE:
      throw DataError(.tooLarge, file: name, "is larger than an image may be", found: words)
    case CIMAGES_UNSUPPORTED: throw DataError(.unsupported, file: name, "is of a kind that is not read", found: words)
    case CIMAGES_NO_MEMORY: throw DataError(.unreadable, file: name, "no memory to decode it")
    case CIMAGES_INVALID: throw DataError(.invalidRequest, file: name, words)
    default: throw DataError(.damaged, file: name, "cannot be decoded", found: words)
    }
  }
}

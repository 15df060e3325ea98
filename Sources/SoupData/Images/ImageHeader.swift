import CImages

/// What an image file says about itself, read without decoding it.
public struct ImageHeader: Sendable, Hashable {
  public enum Format: String, Sendable, Hashable, CaseIterable { case jpeg, png }

  public let format: Format
  /// As stored: Exif's orientation is not applied.
  public let width: Int
  public let height: Int
  /// In the file: 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha, or CMYK in a JPEG.
  public let channels: Int
  /// Bits of a sample in the file.
  public let bits: Int
  /// Exif's, 1 to 8; 1 is upright. 5 to 8 exchange width and height when applied.
  public let orientation: Int

  init(_ header: cimages_header, format: Format) {
    self.format = format
    width = Int(header.width)
    height = Int(header.height)
    channels = Int(header.channels)
    bits = Int(header.bits)
    orientation = Int(header.orientation)
  }
}

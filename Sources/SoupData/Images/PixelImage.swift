/// An image in memory: `height × width × 3` bytes RGB, rows from the top, channels together.
public struct PixelImage: Sendable, Hashable {
  public var width: Int
  public var height: Int
  /// `height × width × 3` bytes.
  public var pixels: [UInt8]

  /// - Precondition: `pixels.count == width * height * 3`.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(pixels.count == width * height * 3, "\(width) × \(height) pixels need three bytes each")
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// An image whose bytes `fill` writes.
  public init(width: Int, height: Int, fill: (UnsafeMutableBufferPointer<UInt8>) throws -> Void) rethrows {
    self.width = width
    self.height = height
    pixels = try [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, count in
      count = width * height * 3
      try fill(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
    }
  }
}

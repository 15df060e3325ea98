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

  /// Reads a JPEG or PNG file, turned upright.
  /// - Throws: `DataError` if it cannot be read or decoded.
  public init(contentsOf path: String) throws {
    let file = try RandomAccessFile(path)
    let bytes = try file.bytes(in: 0..<file.size)
    self = try bytes.withUnsafeBytes { try ImageCodec(appliesOrientation: true).decode($0, name: path) }
  }
}

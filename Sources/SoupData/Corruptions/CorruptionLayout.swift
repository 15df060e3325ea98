/// How a benchmark's corrupted images lie on disk.
public enum CorruptionLayout: String, Codable, Sendable, Hashable, CaseIterable {
  /// ImageNet-C: `fog/3/<class>/<image>.JPEG`. LAION-C: `mosaic/intensity_level_3/<class>/<image>.JPEG`.
  case folders
  /// CIFAR-10-C: `fog.npy`, the images of severity 1, then of 2, …; and `labels.npy`.
  case arrays

  /// Folders for images larger than 64 pixels, as published.
  public static func usual(height: Int, width: Int) -> CorruptionLayout {
    min(height, width) > 64 ? .folders : .arrays
  }
}

extension Corruption {
  /// The folder of its images below a benchmark's: `fog/3`, `mosaic/intensity_level_3`.
  public var folder: String {
    let level = CorruptionSuite.laionC.kinds.contains(kind) ? "intensity_level_\(severity)" : "\(severity)"
    return "\(kind.rawValue)/\(level)"
  }

  /// A corrupted image as the benchmark stores it: JPEG of quality 85, for LAION-C of quality 100 and with full colours.
  /// - Parameter channels: 1 or 3.
  /// - Throws: `DataError`.
  public func stored(
    _ pixels: UnsafeBufferPointer<UInt8>, width: Int, height: Int, channels: Int
  ) throws(DataError) -> [UInt8] {
    let isLaion = CorruptionSuite.laionC.kinds.contains(kind)
    return try ImageCodec.jpeg(
      pixels, width: width, height: height, channels: channels, quality: isLaion ? 100 : 85,
      subsampling: isLaion ? .none : .half)
  }
}

import CImages

/// How pixels are weighted when an image is resized. Support grows with the reduction (antialiasing), as in Pillow.
public enum ResizeFilter: String, Codable, Sendable, Hashable, CaseIterable {
  /// Equal weights on half a pixel to each side.
  case box
  /// A triangle of one pixel to each side.
  case bilinear
  /// Keys' cubic with a = -0.5, two pixels to each side.
  case bicubic

  var native: cimages_filter {
    switch self {
    case .box: CIMAGES_BOX
    case .bilinear: CIMAGES_BILINEAR
    case .bicubic: CIMAGES_BICUBIC
    }
  }
}

extension PixelImage {
  /// The image, or a part of it, at another size: the bytes of Pillow's `resize(size, filter, box)`.
  ///
  /// Coefficients have 22 fractional bits; rows first, then columns, rounded to 8 bits between. That is every Pillow up to 12;
  /// Pillow 13 takes columns first where that is less work, which may differ by a few levels.
  /// - Parameter box: left, top, right, bottom, fractions allowed; the whole image by default.
  /// - Throws: `DataError.invalidRequest` for an empty size or a box outside the image.
  public func resized(
    width newWidth: Int, height newHeight: Int, filter: ResizeFilter = .bilinear,
    box: (left: Float, top: Float, right: Float, bottom: Float)? = nil
  ) throws(DataError) -> PixelImage {
    let box = box ?? (0, 0, Float(width), Float(height))
    guard newWidth > 0, newHeight > 0, newWidth <= 1 << 16, newHeight <= 1 << 16, box.left >= 0, box.top >= 0,
      box.right <= Float(width), box.bottom <= Float(height), box.left < box.right, box.top < box.bottom
    else {
      throw DataError(
        .invalidRequest, "an image of \(width) × \(height) cannot be resized to \(newWidth) × \(newHeight)",
        found: "box \(box)")
    }
    let workspace = ImageWorkspace()
    var isDone = false
    let image = PixelImage(width: newWidth, height: newHeight) { target in
      pixels.withUnsafeBufferPointer { source in
        isDone = workspace.resize(
          source.baseAddress!, width: width, height: height, stride: width * 3, box: box, into: target.baseAddress!,
          width: newWidth, height: newHeight, filter: filter)
      }
    }
    guard isDone else { throw DataError(.unreadable, "no memory to resize an image") }
    return image
  }
}

extension ImageWorkspace {
  /// False when memory is short.
  func resize(
    _ source: UnsafePointer<UInt8>, width: Int, height: Int, stride: Int,
    box: (left: Float, top: Float, right: Float, bottom: Float), into target: UnsafeMutablePointer<UInt8>,
    width newWidth: Int, height newHeight: Int, filter: ResizeFilter
  ) -> Bool {
    let edges = [box.left, box.top, box.right, box.bottom]
    return cimages_resize(
      source, width, height, stride, edges, target, newWidth, newHeight, filter.native, &native) == 0
  }
}

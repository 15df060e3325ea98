import Foundation
import SoupTensors

/// A rectangle of random area and shape, brought to `size × size`.
///
/// The area is uniform in `area` (fractions of the image's), the logarithm of width : height uniform in `ratio`; sides are
/// rounded, halves to even. A rectangle that does not fit is drawn again, ten times in all; then the largest centred one of
/// allowed shape is taken. Its place is uniform.
/// - Source: torchvision's `RandomResizedCrop`, after Szegedy et al., 2014, arXiv:1409.4842.
public struct RandomResizedCrop: Codable, Sendable, Hashable {
  /// Side of the result in pixels.
  public var size: Int
  /// Least and largest part of the image's area.
  public var area: ClosedRange<Double>
  /// Least and largest width : height.
  public var ratio: ClosedRange<Double>
  public var filter: ResizeFilter

  public init(
    size: Int, area: ClosedRange<Double> = 0.08...1, ratio: ClosedRange<Double> = 3.0 / 4...4.0 / 3,
    filter: ResizeFilter = .bicubic
  ) {
    self.size = size
    self.area = area
    self.ratio = ratio
    self.filter = filter
  }

  var isPossible: Bool { (1...1 << 14).contains(size) && area.lowerBound > 0 && ratio.lowerBound > 0 }

  /// The part to take of an image of `width × height` pixels.
  public func rectangle(width: Int, height: Int, using generator: inout CounterGenerator) -> Rectangle {
    let (least, largest) = (log(ratio.lowerBound), log(ratio.upperBound))
    for _ in 0..<10 {
      let target =
        Double(width * height) * (area.lowerBound + (area.upperBound - area.lowerBound) * generator.uniform())
      let shape = exp(least + (largest - least) * generator.uniform())
      let columns = Int((target * shape).squareRoot().rounded(.toNearestOrEven))
      let rows = Int((target / shape).squareRoot().rounded(.toNearestOrEven))
      guard columns > 0, columns <= width, rows > 0, rows <= height else { continue }
      let top = generator.below(height - rows + 1)
      let left = generator.below(width - columns + 1)
      return Rectangle(left: left, top: top, width: columns, height: rows)
    }
    var columns = width
    var rows = height
    let shape = Double(width) / Double(height)
    if shape < ratio.lowerBound {
      rows = max(1, Int((Double(columns) / ratio.lowerBound).rounded(.toNearestOrEven)))
    } else if shape > ratio.upperBound {
      columns = max(1, Int((Double(rows) * ratio.upperBound).rounded(.toNearestOrEven)))
    }
    return Rectangle(left: (width - columns) / 2, top: (height - rows) / 2, width: columns, height: rows)
  }
}

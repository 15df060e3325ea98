import Foundation
import SoupTensors

/// How an image of any size becomes one of a fixed size.
public enum Framing: Sendable, Hashable {
  /// The whole image at `width × height`, whatever its shape: torchvision's `Resize((height, width))`.
  case stretch(width: Int, height: Int, filter: ResizeFilter = .bilinear)
  /// The shorter side at `shorter`, then the middle `size × size`: torchvision's `Resize(shorter)` and `CenterCrop(size)`.
  case centre(shorter: Int, size: Int, filter: ResizeFilter = .bilinear)
  /// A random part of random shape at `size × size`: torchvision's `RandomResizedCrop(size, scale, ratio)`.
  case randomResizedCrop(RandomResizedCrop)
  /// The shorter side at `size`, padded by mirroring `padding` pixels, then a random `size × size`: DeiT III's simple crop.
  /// - Source: Touvron et al., 2022, arXiv:2204.07118.
  case reflectCrop(size: Int, padding: Int = 4, filter: ResizeFilter = .bicubic)

  /// Of the result, in pixels.
  public var width: Int {
    switch self {
    case .stretch(let width, _, _): width
    case .centre(_, let size, _), .reflectCrop(let size, _, _): size
    case .randomResizedCrop(let crop): crop.size
    }
  }

  public var height: Int {
    if case .stretch(_, let height, _) = self { return height }
    return width
  }

  public var filter: ResizeFilter {
    switch self {
    case .stretch(_, _, let filter), .centre(_, _, let filter), .reflectCrop(_, _, let filter): filter
    case .randomResizedCrop(let crop): crop.filter
    }
  }

  public var isRandom: Bool {
    switch self {
    case .stretch, .centre: false
    case .randomResizedCrop, .reflectCrop: true
    }
  }

  /// What is to be done with an image of a given size: take `source`, make it `width × height`, cut the result out of that at
  /// (`left`, `top`), mirroring beyond its borders.
  struct Plan: Equatable {
    var source: Rectangle
    var width: Int
    var height: Int
    var left = 0
    var top = 0
  }

  func plan(width: Int, height: Int, using generator: inout CounterGenerator) -> Plan {
    let whole = Rectangle(left: 0, top: 0, width: width, height: height)
    switch self {
    case .stretch(let newWidth, let newHeight, _):
      return Plan(source: whole, width: newWidth, height: newHeight)
    case .centre(let shorter, let size, _):
      let (columns, rows) = Self.size(width, height, shorter: shorter)
      // Python's rounding of halves, to even.
      return Plan(
        source: whole, width: columns, height: rows,
        left: Int((Double(columns - size) / 2).rounded(.toNearestOrEven)),
        top: Int((Double(rows - size) / 2).rounded(.toNearestOrEven)))
    case .randomResizedCrop(let crop):
      let part = crop.rectangle(width: width, height: height, using: &generator)
      return Plan(source: part, width: crop.size, height: crop.size)
    case .reflectCrop(let size, let padding, _):
      let (columns, rows) = Self.size(width, height, shorter: size)
      let top = generator.below(rows + 2 * padding - size + 1) - padding
      let left = generator.below(columns + 2 * padding - size + 1) - padding
      return Plan(source: whole, width: columns, height: rows, left: left, top: top)
    }
  }

  /// torchvision's `Resize(shorter)`: the longer side is truncated.
  static func size(_ width: Int, _ height: Int, shorter: Int) -> (width: Int, height: Int) {
    width <= height
      ? (shorter, max(1, Int(Double(shorter * height) / Double(width))))
      : (max(1, Int(Double(shorter * width) / Double(height))), shorter)
  }

  /// - Throws: `DataError.invalidRequest` for sizes that make no sense.
  func validate() throws(DataError) {
    let isPossible =
      switch self {
      case .stretch(let width, let height, _): (1...1 << 14).contains(width) && (1...1 << 14).contains(height)
      case .centre(let shorter, let size, _): (1...1 << 14).contains(shorter) && size >= 1 && size <= shorter
      case .randomResizedCrop(let crop): crop.isPossible
      case .reflectCrop(let size, let padding, _): (2...1 << 14).contains(size) && padding >= 0 && padding < size
      }
    guard isPossible else { throw DataError(.invalidRequest, "images cannot be framed like this", found: "\(self)") }
  }
}

/// A part of an image, in pixels.
public struct Rectangle: Sendable, Hashable {
  public var left: Int
  public var top: Int
  public var width: Int
  public var height: Int

  public init(left: Int, top: Int, width: Int, height: Int) {
    self.left = left
    self.top = top
    self.width = width
    self.height = height
  }
}

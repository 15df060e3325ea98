import CImaging
import Foundation
import SoupTensors
import Synchronization

/// Pictures that corruptions lay over or into an image: frost, mosaic tiles, stickers.
///
/// The benchmarks use six photographs of frost and about a million training images, which we do not ship. By default
/// textures made by rules take their place (`frost`, `pictures`); give your own for the benchmark's look.
public final class TextureBank: Sendable {
  public let name: String
  /// Pictures of any sizes.
  public let images: [PixelImage]
  private let reductions = Mutex<[Int: Reduction]>([:])

  /// - Throws: `DataError.invalidRequest` if there is no picture.
  public init(name: String, images: [PixelImage]) throws(DataError) {
    guard !images.isEmpty else { throw DataError(.invalidRequest, "the bank '\(name)' has no picture") }
    self.name = name
    self.images = images
  }

  /// The first `limit` images of a data set.
  public convenience init(of dataset: any ImageDataset, limit: Int = 100_000) throws {
    var images: [PixelImage] = []
    for index in 0..<min(limit, dataset.count) {
      var bytes = [UInt8](repeating: 0, count: dataset.pixelCount)
      try bytes.withUnsafeMutableBufferPointer { try dataset.copyPixels(at: index, into: $0) }
      if dataset.channels == 1 { bytes = bytes.flatMap { [$0, $0, $0] } }
      images.append(PixelImage(width: dataset.width, height: dataset.height, pixels: bytes))
    }
    try self.init(name: dataset.name, images: images)
  }

  /// The JPEG and PNG files of a folder, by name.
  /// - Throws: `DataError` if the folder cannot be read, has no picture, or has one that cannot be decoded.
  public convenience init(folder: String) throws {
    let names: [String]
    do { names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted() } catch {
      throw DataError(
        .notFound, file: folder, "the folder of pictures cannot be read", advice: "It should hold JPEG or PNG files")
    }
    var images: [PixelImage] = []
    for name in names where ImageFile.isImage(name) { images.append(try PixelImage(contentsOf: folder + "/" + name)) }
    try self.init(name: folder, images: images)
  }

  /// Five sheets of frost, 1024 px a side.
  public static let frost: TextureBank = makeUnchecked("generated frost", (0..<5).map { FrostTexture.make($0) })
  /// 4096 small scenes of colour gradients and shapes, 28 px a side.
  public static let pictures: TextureBank = makeUnchecked("generated pictures", ScenePicture.all(4096, side: 28))

  private static func makeUnchecked(_ name: String, _ images: [PixelImage]) -> TextureBank {
    do { return try TextureBank(name: name, images: images) } catch { preconditionFailure("\(error)") }
  }

  /// All pictures cut to a centred square and reduced to `side` pixels, in order of brightness; made once for each side.
  func reduced(to side: Int) -> Reduction {
    reductions.withLock { known in
      if let found = known[side] { return found }
      let made = Reduction(images, side: side)
      known[side] = made
      return made
    }
  }

  /// The pictures made smaller by one factor, as frost is for small images; made once for each.
  func scaled(by factor: Double) -> [PixelImage] {
    if factor >= 1 { return images }
    return scaledImages.withLock { known in
      if let found = known[factor] { return found }
      let made = images.map {
        $0.reduced(height: max(1, Int(Double($0.height) * factor)), width: max(1, Int(Double($0.width) * factor)))
      }
      known[factor] = made
      return made
    }
  }

  private let scaledImages = Mutex<[Double: [PixelImage]]>([:])
}

extension PixelImage {
  /// Averaged down to another size.
  func reduced(height newHeight: Int, width newWidth: Int) -> PixelImage {
    let work = Workspace<UInt8>(3 * height * newWidth)
    return PixelImage(width: newWidth, height: newHeight) {
      ci_box_reduce(pixels, height, width, newHeight, newWidth, work.start, $0.baseAddress!)
    }
  }

  /// Its centre square, averaged down to `side` pixels if it is larger.
  public func fitted(to side: Int) -> PixelImage {
    let square = centreSquare()
    return square.width > side ? square.reduced(height: side, width: side) : square
  }

  /// The largest square about the centre.
  func centreSquare() -> PixelImage {
    let side = min(height, width)
    if height == width { return self }
    return PixelImage(width: side, height: side) { out in
      for y in 0..<side {
        let from = 3 * (((height - side) / 2 + y) * width + (width - side) / 2)
        _ = UnsafeMutableBufferPointer(rebasing: out[3 * y * side..<3 * (y + 1) * side])
          .update(from: pixels[from..<from + 3 * side])
      }
    }
  }
}

/// Small pictures of one size, found by mean colour.
struct Reduction: Sendable {
  let side: Int
  /// `side × side × 3` bytes a picture.
  let pixels: [UInt8]
  private let means: [SIMD3<Float>]
  private let sums: [Float]

  var count: Int { means.count }

  init(_ images: [PixelImage], side: Int) {
    let small = images.map { $0.centreSquare().reduced(height: side, width: side).pixels }
    let colours = small.map { bytes in
      var sum = SIMD3<Int>()
      for i in stride(from: 0, to: bytes.count, by: 3) {
        sum &+= SIMD3(Int(bytes[i]), Int(bytes[i + 1]), Int(bytes[i + 2]))
      }
      return SIMD3<Float>(sum) / Float(side * side)
    }
    let order = colours.indices.sorted { (colours[$0].sum(), $0) < (colours[$1].sum(), $1) }
    self.side = side
    pixels = order.flatMap { small[$0] }
    means = order.map { colours[$0] }
    sums = means.map { $0.sum() }
  }

  /// The picture whose mean colour is nearest. Going out from equal brightness, a difference of s in the sum of the
  /// channels means a distance of at least s/√3, which ends the search.
  func nearest(to colour: SIMD3<Float>) -> Int {
    let sum = colour.sum()
    var low = 0
    var high = sums.count
    while low < high {
      let middle = (low + high) / 2
      if sums[middle] < sum { low = middle + 1 } else { high = middle }
    }
    var below = low - 1
    var above = low
    var best = Float.infinity
    var found = 0
    while below >= 0 || above < sums.count {
      let down = below >= 0 ? sum - sums[below] : .infinity
      let up = above < sums.count ? sums[above] - sum : .infinity
      let step = min(down, up)
      if step * step > 3 * best { break }
      let index = down < up ? below : above
      if down < up { below -= 1 } else { above += 1 }
      let difference = means[index] - colour
      let distance = (difference * difference).sum()
      if distance < best { (best, found) = (distance, index) }
    }
    return found
  }
}

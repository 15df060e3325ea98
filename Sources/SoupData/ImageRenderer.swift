import CImages
import Foundation
import SoupTensors

/// Turns an image's bytes into normalized Float32 planes, randomly cropped, flipped and erased on the way: one pass, through
/// a table of 256 values per channel, without allocating.
struct ImageRenderer: Sendable {
  let channels: Int
  let height: Int
  let width: Int
  private let table: [Float]
  private let padding: Int
  private let mode: Augmentation.Padding
  private let flipProbability: Double
  private let eraseProbability: Double
  private let cutoutSide: Int
  /// Nothing is drawn.
  private let isPlain: Bool

  /// - Throws: `DataError.invalidRequest` for impossible values or one kind of augmentation given twice.
  init(
    channels: Int, height: Int, width: Int, normalization: Normalization, augmentation: [Augmentation]
  ) throws(DataError) {
    guard normalization.mean.count == channels else {
      throw DataError(
        .invalidRequest, "the normalization has the wrong number of channels", expected: "\(channels)",
        found: "\(normalization.mean.count)")
    }
    var crop: (padding: Int, mode: Augmentation.Padding)?
    var flip: Double?
    var erase: Double?
    var cutout: Int?
    for item in augmentation {
      let isNew: Bool
      let isPossible: Bool
      switch item {
      case .crop(let padding, let mode):
        isNew = crop == nil
        // Mirroring reaches back at most to the far border.
        let largest = mode == .reflect ? min(height, width) - 1 : 4096
        isPossible = padding >= 0 && padding <= largest
        crop = (padding, mode)
      case .flip(let probability):
        isNew = flip == nil
        isPossible = probability >= 0 && probability <= 1
        flip = probability
      case .erase(let probability):
        isNew = erase == nil
        isPossible = probability >= 0 && probability <= 1
        erase = probability
      case .cutout(let side):
        isNew = cutout == nil
        isPossible = side >= 0 && side <= 2 * max(height, width)
        cutout = side
      }
      guard isNew, isPossible else {
        throw DataError(
          .invalidRequest,
          isPossible
            ? "the augmentation '\(item)' is given twice"
            : "the augmentation '\(item)' is impossible for images of \(height)×\(width)")
      }
    }
    self.channels = channels
    self.height = height
    self.width = width
    table = normalization.table()
    padding = crop?.padding ?? 0
    mode = crop?.mode ?? .zero
    flipProbability = flip ?? 0
    eraseProbability = erase ?? 0
    cutoutSide = cutout ?? 0
    isPlain = augmentation.isEmpty
  }

  /// Where a cut-out of the padded image begins, and whether it is mirrored. `padding` and `false` leave the image as it is.
  struct Placement: Equatable {
    var top: Int
    var left: Int
    var isFlipped: Bool
  }

  /// Draws the placement of one image. Everything is drawn whether used or not, so one setting does not move another.
  func placement(using generator: inout CounterGenerator) -> Placement {
    let top = generator.below(2 * padding + 1)
    let left = generator.below(2 * padding + 1)
    return Placement(top: top, left: left, isFlipped: generator.chance(flipProbability))
  }

  /// Writes `channels × height × width` floats.
  /// - Parameters:
  ///   - pixels: `height × width × channels` bytes.
  ///   - columns: room for `width` integers.
  ///   - generator: the image's own stream; nil leaves the image as it is.
  func render(
    _ pixels: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<Float>, columns: UnsafeMutablePointer<Int>,
    generator: CounterGenerator?
  ) {
    if channels == 3, generator == nil || isPlain {
      table.withUnsafeBufferPointer { cimages_normalize(pixels, width, height, 0, $0.baseAddress!, target) }
      return
    }
    var generator = generator
    let placement =
      generator.map { _ in self.placement(using: &generator!) }
      ?? Placement(top: padding, left: padding, isFlipped: false)
    for x in 0..<width {
      let from = source((placement.isFlipped ? width - 1 - x : x) + placement.left - padding, width)
      columns[x] = from < 0 ? -1 : from * channels
    }
    table.withUnsafeBufferPointer { table in
      for channel in 0..<channels {
        let values = table.baseAddress! + channel * 256
        for y in 0..<height {
          let output = target + (channel * height + y) * width
          let from = source(y + placement.top - padding, height)
          if from < 0 {
            output.update(repeating: values[0], count: width)
            continue
          }
          let row = pixels + from * width * channels + channel
          for x in 0..<width {
            let column = columns[x]
            output[x] = column < 0 ? values[0] : values[Int(row[column])]
          }
        }
      }
    }
    guard generator != nil else { return }
    if eraseProbability > 0 { erase(target, using: &generator!) }
    if cutoutSide > 0 { cutOut(target, using: &generator!) }
  }

  /// Which pixel of the image a coordinate of the padded one shows; -1 for a black one.
  private func source(_ coordinate: Int, _ size: Int) -> Int {
    if coordinate >= 0 && coordinate < size { return coordinate }
    guard mode == .reflect else { return -1 }
    return coordinate < 0 ? -coordinate : 2 * (size - 1) - coordinate
  }

  private func erase(_ target: UnsafeMutablePointer<Float>, using generator: inout CounterGenerator) {
    guard generator.chance(eraseProbability) else { return }
    let logRatio = log(0.3)...log(3.3)
    // A rectangle may not fit; ten tries, as torchvision makes.
    for _ in 0..<10 {
      let area = Double(height * width) * (0.02 + 0.31 * generator.uniform())
      let ratio = exp(logRatio.lowerBound + (logRatio.upperBound - logRatio.lowerBound) * generator.uniform())
      let rows = Int((area * ratio).squareRoot().rounded())
      let columns = Int((area / ratio).squareRoot().rounded())
      guard rows < height, columns < width else { continue }
      let top = generator.below(height - rows + 1)
      let left = generator.below(width - columns + 1)
      clear(target, rows: top..<top + rows, columns: left..<left + columns)
      return
    }
  }

  private func cutOut(_ target: UnsafeMutablePointer<Float>, using generator: inout CounterGenerator) {
    let top = generator.below(height) - cutoutSide / 2
    let left = generator.below(width) - cutoutSide / 2
    clear(
      target, rows: max(0, top)..<min(height, top + cutoutSide), columns: max(0, left)..<min(width, left + cutoutSide))
  }

  /// Zero is the mean colour, since the values are normalized.
  private func clear(_ target: UnsafeMutablePointer<Float>, rows: Range<Int>, columns: Range<Int>) {
    for channel in 0..<channels {
      for y in rows {
        (target + (channel * height + y) * width + columns.lowerBound).update(repeating: 0, count: columns.count)
      }
    }
  }
}

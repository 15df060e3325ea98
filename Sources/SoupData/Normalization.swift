/// What is subtracted from and divided into pixel values that were first scaled to 0…1: `(byte / 255 - mean) / deviation`.
///
/// Computed in Float32 in that order, which gives the same bits as torchvision's `ToTensor` and `Normalize`.
public struct Normalization: Codable, Sendable, Hashable {
  /// One per channel, on the scale 0…1.
  public let mean: [Float]
  /// One per channel, on the scale 0…1.
  public let deviation: [Float]

  /// - Throws: `DataError.invalidRequest` unless both have one value per channel, finite, deviations above zero.
  public init(mean: [Float], deviation: [Float]) throws(DataError) {
    guard !mean.isEmpty, mean.count == deviation.count, mean.allSatisfy(\.isFinite),
      deviation.allSatisfy({ $0.isFinite && $0 > 0 })
    else {
      throw DataError(
        .invalidRequest, "a normalization needs a finite mean and a deviation above zero for each channel",
        found: "mean \(mean), deviation \(deviation)")
    }
    self.init(known: mean, deviation)
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      mean: values.decode([Float].self, forKey: .mean), deviation: values.decode([Float].self, forKey: .deviation))
  }

  private init(known mean: [Float], _ deviation: [Float]) {
    self.mean = mean
    self.deviation = deviation
  }

  /// Scales to 0…1 only.
  public static func none(channels: Int) -> Normalization {
    Normalization(known: Array(repeating: 0, count: channels), Array(repeating: 1, count: channels))
  }

  /// Fashion-MNIST's 60 000 training images, rounded to four digits (NumPy gives 0.286041 and 0.353024).
  public static let fashionMNIST = Normalization(known: [0.2860], [0.3530])

  /// MNIST's training images, as in PyTorch's `examples/mnist`.
  public static let mnist = Normalization(known: [0.1307], [0.3081])

  /// CIFAR-10's training images (pixels pooled over all images), the values used by most public code.
  public static let cifar10 = Normalization(known: [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616])

  /// CIFAR-100's training images, likewise.
  public static let cifar100 = Normalization(known: [0.5071, 0.4865, 0.4409], [0.2673, 0.2564, 0.2762])

  /// ImageNet, as in torchvision's reference training.
  public static let imageNet = Normalization(known: [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])

  /// Mean and standard deviation of the pixels themselves, per channel, pooled over all images; exact sums of integers.
  /// A constant channel gets deviation 1.
  public static func measured(pixels: UnsafeBufferPointer<UInt8>, channels: Int) -> Normalization {
    var counts = [Int](repeating: 0, count: channels * 256)
    var channel = 0
    for byte in pixels {
      counts[channel * 256 + Int(byte)] += 1
      channel = channel + 1 == channels ? 0 : channel + 1
    }
    var means: [Float] = []
    var deviations: [Float] = []
    for channel in 0..<channels {
      var count = 0.0
      var sum = 0.0
      var squares = 0.0
      for value in 0..<256 {
        let times = Double(counts[channel * 256 + value])
        count += times
        sum += times * Double(value)
        squares += times * Double(value * value)
      }
      let mean = count > 0 ? sum / count : 0
      let variance = count > 0 ? max(0, squares / count - mean * mean) : 0
      means.append(Float(mean / 255))
      deviations.append(variance > 0 ? Float(variance.squareRoot() / 255) : 1)
    }
    return Normalization(known: means, deviations)
  }

  /// The normalized value of each byte: `table[channel * 256 + byte]`.
  func table() -> [Float] {
    zip(mean, deviation).flatMap { mean, deviation in (0..<256).map { (Float($0) / 255 - mean) / deviation } }
  }
}

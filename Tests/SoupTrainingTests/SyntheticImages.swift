import SoupData
import SoupTensors

/// Small grey images of three classes: noise, with one third of the rows brighter. Easy, but not separable by one pixel.
func syntheticImages(count: Int = 192, size: Int = 8, seed: UInt64 = 1) throws -> MemoryDataset {
  var random = CounterGenerator(seed: seed)
  let labels = (0..<count).map { $0 % 3 }
  let pixels = HostStorage(count: count * size * size) { bytes in
    for (image, label) in labels.enumerated() {
      for row in 0..<size {
        for column in 0..<size {
          let bright = row * 3 / size == label
          bytes[(image * size + row) * size + column] = UInt8(random.uniform() * 120) + (bright ? 100 : 0)
        }
      }
    }
  }
  return try MemoryDataset(
    name: "synthetic", classNames: ["top", "middle", "bottom"], channels: 1, height: size, width: size, pixels: pixels,
    labels: labels)
}

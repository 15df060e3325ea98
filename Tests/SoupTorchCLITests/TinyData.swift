import Foundation
import SoupTensors

/// Writes IDX files of small grey images: class 0 is bright above, class 1 below, class 2 everywhere, with noise.
func writeTinyData(to folder: String, train: Int = 480, test: Int = 120, size: Int = 8, classes: Int = 2) throws {
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  for (name, count, seed) in [("train", train, UInt64(1)), ("t10k", test, UInt64(2))] {
    var random = CounterGenerator(seed: seed)
    var images = bigEndian([0x803, count, size, size])
    var labels = bigEndian([0x801, count])
    for index in 0..<count {
      let label = index % classes
      labels.append(UInt8(label))
      for row in 0..<size {
        let bright = label == 2 || (row < size / 2) == (label == 0)
        for _ in 0..<size { images.append(UInt8(random.uniform() * 150) + (bright ? 60 : 0)) }
      }
    }
    try images.write(to: URL(filePath: "\(folder)/\(name)-images-idx3-ubyte"))
    try labels.write(to: URL(filePath: "\(folder)/\(name)-labels-idx1-ubyte"))
  }
}

private func bigEndian(_ words: [Int]) -> Data {
  words.reduce(into: Data()) { data, word in
    withUnsafeBytes(of: UInt32(word).bigEndian) { data.append(contentsOf: $0) }
  }
}

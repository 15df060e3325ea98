import Foundation
import SoupCheckpoints
import SoupData
import SoupModels
import SoupTensors
import SoupTorch

/// A folder that goes away with this object.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "soup-season-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  subscript(_ name: String) -> String { path + "/" + name }
}

/// Images whose class shows: class 0 is bright above, class 1 below, class 2 left, with noise.
func tinyImages(count: Int = 60, size: Int = 8, seed: UInt64 = 1) throws -> MemoryDataset {
  var random = CounterGenerator(seed: seed)
  let pixels = HostStorage(count: count * size * size) { bytes in
    for image in 0..<count {
      for row in 0..<size {
        for column in 0..<size {
          let bright =
            switch image % 3 {
            case 0: row < size / 2
            case 1: row >= size / 2
            default: column < size / 2
            }
          bytes[(image * size + row) * size + column] = UInt8(random.uniform() * 160) + (bright ? 60 : 0)
        }
      }
    }
  }
  return try MemoryDataset(
    name: "tiny", classNames: ["above", "below", "left"], channels: 1, height: size, width: size, pixels: pixels,
    labels: (0..<count).map { $0 % 3 })
}

let tinyResNet = "resnet8:classes=3,channels=1,image=8"
let tinyViT = "vit:patch=4,dim=16,depth=1,heads=2,classes=3,channels=1,image=8"

func tinyModel(_ text: String = tinyResNet, seed: UInt64 = 0) throws -> any Model {
  try makeModel(ModelConfiguration(parsing: text), generator: RandomGenerator(seed: seed), device: .cpu)
}

/// Writes models that differ from a common start by noise in every floating-point tensor, running statistics included.
func writeTinyIngredients(_ count: Int, of text: String = tinyResNet, noise: Double = 0.2, to folder: TemporaryFolder)
  throws -> [String]
{
  let base = try tinyModel(text).store.stateDict()
  return try (0..<count).map { index in
    var random = CounterGenerator(seed: 100 + UInt64(index))
    var dict = StateDict()
    for (name, tensor) in base {
      guard tensor.dtype.isFloatingPoint else {
        try dict.add(name, tensor)
        continue
      }
      let values = tensor.floats().map { value in
        let moved = value + Float(noise * random.normal() * (tensor.shape.count > 1 ? 0.5 : 1))
        return name.hasSuffix("running_var") ? abs(moved) + 0.1 : moved
      }
      try dict.add(name, HostTensor(floats: values, shape: tensor.shape))
    }
    let path = folder["\(index).safetensors"]
    try CheckpointWriter.write(dict, to: path)
    return path
  }
}

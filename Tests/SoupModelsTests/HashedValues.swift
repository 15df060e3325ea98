import Foundation
import SoupModels
import SoupTensors
import SoupTorch

/// The values that `Tools/reference.py` fills models and images with, bit for bit: splitmix64 over the FNV-1a hash of a name.
enum Hashed {
  static func bits(_ name: String, count: Int) -> [UInt64] {
    let seed = name.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return (1...max(count, 1)).prefix(count).map {
      var z = seed &+ UInt64($0) &* 0x9e37_79b9_7f4a_7c15
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z >> 31)
    }
  }

  /// `centre + u · scale` with u uniform on the 2²⁴ multiples of 2⁻²³ in [-1, 1).
  static func values(_ name: String, shape: [Int], scale: Double, centre: Double = 0) throws -> HostTensor {
    let draws = bits(name, count: shape.reduce(1, *))
    return try HostTensor(
      floats: draws.map { Float(centre + (Double($0 >> 40) / 8_388_608 - 1) * scale) }, shape: shape)
  }

  /// The value of a parameter or buffer, by its name and shape.
  static func parameter(_ name: String, shape: [Int]) throws -> HostTensor {
    let ends = { (suffixes: [String]) in suffixes.contains { name.hasSuffix($0) } }
    if ends(["num_batches_tracked"]) { return try HostTensor(integers: [0], shape: []) }
    if ends(["running_mean"]) { return try values(name, shape: shape, scale: 0.1) }
    if ends(["running_var"]) { return try values(name, shape: shape, scale: 0.5, centre: 1) }
    if ends(["cls_token", "pos_embed"]) { return try values(name, shape: shape, scale: 0.5) }
    if ends(["bn2.weight", "bn3.weight", "residual_function.4.weight", "residual_function.7.weight"]) {
      return try values(name, shape: shape, scale: 0.125, centre: 0.25)
    }
    if shape.count == 1 {
      return ends(["weight"])
        ? try values(name, shape: shape, scale: 0.25, centre: 1) : try values(name, shape: shape, scale: 0.1)
    }
    let fanIn = Double(shape.dropFirst().reduce(1, *))
    return try values(name, shape: shape, scale: ((shape.count == 4 ? 6 : 3) / fanIn).squareRoot())
  }

  /// A model of hashed weights.
  static func model(_ configuration: ModelConfiguration) throws -> any Model {
    let model = try makeModel(configuration, generator: RandomGenerator(seed: 0))
    var dict = StateDict()
    let fixed = configuration.transformer?.positions == .sinCos
    for (name, tensor) in model.store.parameters + model.store.buffers {
      try dict.add(name, fixed && name == "pos_embed" ? tensor.host() : parameter(name, shape: tensor.shape))
    }
    try model.store.load(dict)
    return model
  }

  /// Images `[N, C, H, W]` and labels `[N]`.
  static func batch(_ c: ModelConfiguration, _ count: Int, _ name: String) throws -> (images: Tensor, labels: Tensor) {
    let images = try values(name, shape: [count, c.channels, c.imageSize, c.imageSize], scale: 1.75)
    let labels = bits(name + ".labels", count: count).map { Int64($0 >> 33) % Int64(c.classes) }
    return (try Tensor(images), try Tensor(HostTensor(integers: labels, shape: [count])))
  }
}

/// A tensor as two numbers: its norm, and its product with a hashed direction, which sees the order of the values.
struct Summary: Decodable {
  let name: String
  let norm: Double
  let probe: Double

  init(_ name: String, _ tensor: HostTensor) throws {
    let values = tensor.doubles()
    let direction = try Hashed.values("probe." + name, shape: tensor.shape, scale: 1).doubles()
    self.name = name
    norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    probe = zip(values, direction).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// The larger deviation of the two numbers, relative to PyTorch's norm.
  func deviation(from other: Summary) -> Double { max(normDeviation(from: other), probeDeviation(from: other)) }

  func normDeviation(from other: Summary) -> Double { abs(norm - other.norm) / max(other.norm, 1e-12) }
  func probeDeviation(from other: Summary) -> Double { abs(probe - other.probe) / max(other.norm, 1e-12) }
}

/// The largest deviation relative to the largest expected value.
func deviation(_ found: [Double], _ expected: [Double]) -> Double {
  guard found.count == expected.count, !found.isEmpty else { return .infinity }
  let largest = expected.reduce(0) { max($0, abs($1)) }
  return zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) } / largest
}

extension Tensor {
  func doubles() throws -> [Double] { try host().doubles() }
}

/// Reads a file that `Tools/reference.py` wrote.
func fixture<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value {
  try JSONDecoder().decode(Value.self, from: Data(contentsOf: fixtures.appending(path: name + ".json")))
}

let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "Fixtures/models")

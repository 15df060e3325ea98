import Foundation
import SoupTensors
import SoupTorch

/// Numbers that PyTorch computed, written by Tools/reference_torch.py.
enum Fixture {
  static func read<Content: Decodable>(_ name: String) throws -> Content {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let data = try Data(contentsOf: folder.appending(path: "Fixtures/torch/\(name).json"))
    return try JSONDecoder().decode(Content.self, from: data)
  }
}

struct Packed: Decodable {
  let shape: [Int]
  let values: [Double]

  func host() throws -> HostTensor { try HostTensor(floats: values.map(Float.init), shape: shape) }
  func tensor() throws -> Tensor { try Tensor(host()) }
}

/// A layer's inputs, its output, and the gradients of the product of output and direction.
struct LayerCase: Decodable {
  struct Statistics: Decodable {
    let mean: Packed
    let variance: Packed
  }
  let inputs: [String: Packed]
  let direction: Packed
  let output: Packed
  let gradients: [String: Packed]
  let heads: Int?
  let labels: [Int64]?
  let shares: Packed?
  let before: Statistics?
  let after: Statistics?

  /// Runs a layer on the inputs and returns the largest deviation of its output and of each gradient, relative to the largest
  /// value of the tensor it is in.
  func deviations(channelsLast: Bool = false, _ layer: ([String: Tensor]) throws -> Tensor) throws -> [String: Double] {
    var leaves: [String: Tensor] = [:]
    for (name, value) in inputs {
      let tensor = try value.tensor()
      leaves[name] = try channelsLast && tensor.rank == 4 ? tensor.channelsLast() : tensor
      try leaves[name]?.requireGradient()
    }
    let output = try layer(leaves)
    try (output * direction.tensor()).sum().backward()
    var result = ["output": try deviation(output, self.output)]
    for (name, leaf) in leaves {
      guard let gradient = leaf.gradient, let expected = gradients[name] else {
        result[name] = .infinity
        continue
      }
      result[name] = try deviation(gradient, expected)
    }
    return result
  }
}

/// The largest difference, relative to the largest expected value; infinite where shapes differ.
func deviation(_ found: Tensor, _ expected: Packed) throws -> Double {
  guard found.shape == expected.shape else { return .infinity }
  return try deviation(found.detach().host().doubles(), expected.values)
}

func deviation(_ found: [Double], _ expected: [Double]) -> Double {
  guard found.count == expected.count else { return .infinity }
  let scale = max(expected.map(abs).max() ?? 0, 1e-30)
  return zip(found, expected).map { $0.isNaN ? .infinity : abs($0 - $1) / scale }.max() ?? 0
}

import Foundation
import SoupTensors
import SoupTorch

/// Written by `Tools/reference_features.py` with NumPy and PyTorch.
struct FeatureFixture: Decodable {
  struct Neighbours: Decodable {
    struct Case: Decodable {
      let k: Int
      let temperature: Double
      let shares: [[Double]]
      let classes: [Int]
    }

    let bank, queries: [[Float]]
    let labels: [Int]
    let cases: [Case]
  }

  struct Probe: Decodable {
    struct Result: Decodable {
      let rate, top1, loss: Double
      let weight, logits: [[Double]]
      let bias: [Double]
    }

    let train, held: [[Float]]
    let labels: [Int]
    let heldLabels: [Int]
    let epochs: Int
    let results: [Result]

    enum CodingKeys: String, CodingKey {
      case train, held, labels, epochs, results
      case heldLabels = "held_labels"
    }
  }

  let neighbours: Neighbours
  let probe: Probe

  static func load() throws -> FeatureFixture {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "../Fixtures/evaluation/features.json")
    return try JSONDecoder().decode(FeatureFixture.self, from: Data(contentsOf: file))
  }
}

/// A table as a tensor.
func tensor(_ rows: [[Float]]) throws -> Tensor {
  try Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count])
}

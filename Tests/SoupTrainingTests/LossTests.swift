import Foundation
import SoupData
import SoupTensors
import SoupTorch
import Testing

@Suite struct LossTests {
  /// Label smoothing and mixup's targets together give PyTorch's losses (`Tools/reference_training.py`).
  @Test func smoothingAndMixupAgreeWithPyTorch() throws {
    struct Reference: Decodable {
      let logits: [[Float]]
      let labels: [Int64]
      let plain: Double
      let smoothed, mixed, both: Double

      enum CodingKeys: String, CodingKey {
        case logits, labels, plain
        case smoothed = "smoothed_0.1"
        case mixed = "mixed_0.75"
        case both = "mixed_0.75_smoothed_0.1"
      }
    }
    let reference = try JSONDecoder().decode(
      Reference.self, from: Data(contentsOf: fixture("training/losses.json")))
    let logits = try Tensor(HostTensor(floats: reference.logits.flatMap { $0 }, shape: [6, 5]))
    let batch = Batch(
      images: try HostTensor(floats: [Float](repeating: 0, count: 6), shape: [6, 1, 1, 1]),
      labels: try HostTensor(integers: reference.labels, shape: [6]), indices: Array(0..<6))
    let mixed = try #require(Mixup.mix(batch, lambda: 0.75, classes: 5).targets)
    for (labels, smoothing, expected) in [
      (batch.labels, 0.0, reference.plain), (batch.labels, 0.1, reference.smoothed), (mixed, 0.0, reference.mixed),
      (mixed, 0.1, reference.both),
    ] {
      let loss = try crossEntropy(logits, labels: Tensor(labels), labelSmoothing: smoothing).item()
      #expect(abs(loss - expected) < 1e-5 * expected)
    }
  }
}

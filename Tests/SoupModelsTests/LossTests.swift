import SoupTensors
import SoupTorch
import Testing

private struct Losses: Decodable {
  struct Row: Decodable {
    let smoothing: Double
    let kind: String
    let loss: Double
    let gradient: [Double]
  }
  let labels: [Int64]
  let mixed: [Float]
  let rows: [Row]
}

@Suite("Losses agree with PyTorch")
struct LossTests {
  @Test("label smoothing and mixup, values and gradients")
  func losses() throws {
    let expected: Losses = try fixture("losses")
    let labels = try Tensor(HostTensor(integers: expected.labels, shape: [6]))
    let mixed = try Tensor(HostTensor(floats: expected.mixed, shape: [6, 10]))
    #expect(expected.rows.count == 6)
    for row in expected.rows {
      let logits = try Tensor(Hashed.values("logits", shape: [6, 10], scale: 8)).requireGradient()
      let loss = try crossEntropy(
        logits, labels: row.kind == "mixup" ? mixed : labels, labelSmoothing: row.smoothing)
      try loss.backward()
      #expect(abs(try loss.item() / row.loss - 1) < 1e-6)
      let gradient = try #require(logits.gradient)
      #expect(deviation(try gradient.doubles(), row.gradient) < 1e-5)
    }
  }
}

import Foundation
import SoupModels
import SoupTensors
import SoupTorch
import SoupTraining
import Testing

private let runs = ["mocov3", "mocov3-light", "mmcr", "mmcr-momentum", "mmcr-light", "lejepa"].flatMap {
  ["\($0)-vit", "\($0)-resnet"]
}

@Suite("MoCo v3, MMCR and LeJEPA agree with PyTorch") struct JointObjectiveTests {
  /// Gradients of the first step, ten losses, weights after ten steps of AdamW, and momentum copies.
  @Test(arguments: runs) func tenSteps(_ name: String) throws {
    let run = try JointRun.read(name)
    let model = try run.model()
    let objective = try run.objective(model)
    let optimizers = try [model.store, objective.head].map {
      try AdamW([ParameterGroup($0.parameters.filter { $0.tensor.requiresGradient })], weightDecay: run.decay)
    }
    var losses: [Double] = []
    for step in 0..<run.steps {
      let loss = try objective.loss(model, run.trainingBatch(step: step, views: objective.views))
      #expect(loss.dtype == .float32)
      losses.append(try loss.item())
      try loss.backward()
      if step == 0 {
        for row in run.gradients where isDetermined(row, name) {
          let gradient = try #require(tensor(row, model, objective)?.gradient, "\(row.name) has no gradient")
          let found = try row.deviation(of: gradient.host())
          #expect(found < 1e-4, "the gradient of \(row.name): \(found)")
        }
      }
      for optimizer in optimizers {
        try optimizer.step(learningRate: run.rate)
        optimizer.zeroGradients()
      }
    }
    for (found, expected) in zip(losses, run.losses) { #expect(abs(found - expected) < 1e-4 * abs(expected)) }
    for row in run.state where isDetermined(row, name) {
      let found = try row.deviation(of: #require(tensor(row, model, objective)).host())
      #expect(found < 1e-4, "\(row.name): \(found)")
    }
    let copies = try objective.state()
    #expect(copies.filter { $0.tensor.dtype.isFloatingPoint }.count == run.copies.count)
    for row in run.copies where isDetermined(row, name) {
      let found = try row.deviation(of: #require(copies[row.name]))
      #expect(found < 1e-4, "\(row.name): \(found)")
    }
  }

  private func tensor(_ row: JointRun.Row, _ model: any Model, _ objective: any Objective) -> Tensor? {
    (row.part == "model" ? model.store : objective.head)[row.name]
  }

  /// Where a value can be shifted without changing the loss, its gradient is rounding alone, which AdamW divides by itself:
  /// biases of keys, and whatever is added just before a batch norm, whose running mean then shows it.
  private func isDetermined(_ row: JointRun.Row, _ run: String) -> Bool {
    let name = row.name
    if name.hasSuffix("attn.qkv.bias") { return false }
    if run.contains("light") { return true }
    let isFinalNorm = name.hasSuffix("norm.bias") && !name.contains("blocks")
    return !isFinalNorm && !name.hasSuffix("projector.1.running_mean") && name != "projector.0.bias"
  }

  /// Losses and gradients of random vectors, and nuclear norms of wide, tall and many matrices.
  @Test func lossesOfVectors() throws {
    let file = try Data(contentsOf: fixture("training/joint-values.json"))
    let values = try JSONDecoder().decode([String: JointValue].self, from: file)
    #expect(values.count == 5)
    for (name, expected) in values {
      var leaves: [String: Tensor] = [:]
      for (key, gradient) in expected.gradients {
        let host = try HashedValues.values("values.\(name).\(key)", shape: gradient.shape, scale: 1.5)
        leaves[key] = try Tensor(host).requireGradient()
      }
      let loss = try loss(name, leaves)
      let value = try loss.item()
      #expect(abs(value / expected.value - 1) < 2e-6, "\(name)")
      try loss.backward()
      for (key, gradient) in expected.gradients {
        let found = try #require(leaves[key]?.gradient).host().doubles()
        let largest = gradient.values.map(abs).max() ?? 0
        let worst = zip(found, gradient.values).map { abs($0 - $1) }.max() ?? .infinity
        #expect(worst < 1e-5 * largest, "\(name), \(key)")
      }
    }
  }

  private func loss(_ name: String, _ leaves: [String: Tensor]) throws -> Tensor {
    if name == "contrast" {
      return try MoCoV3.contrast(#require(leaves["q"]), #require(leaves["k"]), temperature: 0.3)
    }
    if name == "sigreg" {
      let directions = try Tensor(HashedValues.values("values.directions", shape: [70, 6], scale: 1)).normalized()
      return try #require(leaves["p"]).reshape([24, 6]).linear(directions).reshape([2, 12, 70]).eppsPulley()
    }
    return try #require(leaves["x"]).nuclearNorm().sum()
  }
}

private struct JointValue: Decodable {
  struct Packed: Decodable {
    let shape: [Int]
    let values: [Double]
  }
  let value: Double
  let gradients: [String: Packed]
}

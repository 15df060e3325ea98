import SoupModels
import SoupTensors
import SoupTorch
import Testing

/// Ten steps of `torch.optim` with `LinearLR` and `CosineAnnealingLR`, each step on new images; see `Tools/reference.py`.
private struct Run: Decodable {
  let configuration: ModelConfiguration
  let optimizer: String
  let lr: Double
  let momentum: Double
  let decay: Double
  let smoothing: Double
  let mixup: Double?
  let images: String
  let steps: Int
  let warmup: Int
  let count: Int
  let rates: [Double]
  let losses: [Double]
  let logits: [Double]
  let state: [Summary]
}

@Suite("Ten training steps agree with PyTorch")
struct TenStepsTests {
  @Test(
    "losses, weights and predictions, to 1e-5", arguments: ["resnet20-sgd", "resnet20-adamw", "vit-sgd", "vit-adamw"])
  func steps(_ name: String) throws {
    let run: Run = try fixture("run-" + name)
    let model = try Hashed.model(run.configuration)
    let groups = [ParameterGroup(model.store.parameters)]
    let optimizer: any Optimizer =
      run.optimizer == "sgd"
      ? try SGD(groups, momentum: run.momentum, nesterov: true, weightDecay: run.decay)
      : try AdamW(groups, weightDecay: run.decay)
    let schedule = Schedule.warmupCosine(warmupSteps: run.warmup)
    var losses: [Double] = []
    for step in 0..<run.steps {
      let rate = schedule.learningRate(base: run.lr, step: step, totalSteps: run.steps)
      #expect(abs(rate / run.rates[step] - 1) < 1e-6)
      var (images, labels) = try Hashed.batch(run.configuration, run.count, "\(run.images)\(step)")
      if let share = run.mixup {
        images = try images * share + images.rolled() * (1 - share)
        let sure = try labels.oneHot(run.configuration.classes)
        labels = try sure * share + sure.rolled() * (1 - share)
      }
      optimizer.zeroGradients()
      let loss = try crossEntropy(model(images, training: true), labels: labels, labelSmoothing: run.smoothing)
      try loss.backward()
      try optimizer.step(learningRate: rate)
      losses.append(try loss.item())
    }
    #expect(deviation(losses, run.losses) < 1e-5)
    // The bias of the keys shifts all scores of a query alike: its gradient is rounding alone, which AdamW divides by itself.
    for row in run.state where run.optimizer == "sgd" || !row.name.hasSuffix("attn.qkv.bias") {
      let tensor = try #require(model.store[row.name])
      let found = try Summary(row.name, tensor.host()).deviation(from: row)
      #expect(found < 1e-5, "\(row.name): \(found)")
    }
    try withoutGradients {
      let (images, _) = try Hashed.batch(run.configuration, 2, "images")
      #expect(deviation(try model(images, training: false).doubles(), run.logits) < 1e-5)
    }
  }
}

extension Tensor {
  /// Row i becomes row i + 1 of the old tensor, the last one its first.
  fileprivate func rolled() throws -> Tensor {
    try Tensor.concatenated([narrow(0, start: 1, length: shape[0] - 1), narrow(0, start: 0, length: 1)])
  }

  fileprivate func oneHot(_ classes: Int) throws -> Tensor {
    var rows = [Float](repeating: 0, count: count * classes)
    for (row, label) in try host().doubles().enumerated() { rows[row * classes + Int(label)] = 1 }
    return try Tensor(HostTensor(floats: rows, shape: [count, classes]))
  }
}

// One side of `Benchmarks/run.sh`: answers measurements, one JSON object per line, until its input ends. The other side is
// `peer.py`, which does the same work in PyTorch; `compare.py` lets them take turns.
import Foundation
import SoupModels
import SoupTensors
import SoupTorch

/// What to measure: `{"model":{…},"mode":"train","precision":"bf16","optimizer":"sgd","batch":128,"seconds":1}`.
struct Request: Codable {
  enum Mode: String, Codable { case train, evaluate }
  let model: ModelConfiguration
  let mode: Mode
  let precision: Precision
  let optimizer: String
  let batch: Int
  /// The least time to measure, in whole steps.
  let seconds: Double

  var key: String { "\(model) \(mode) \(precision) \(optimizer) \(batch)" }
}

struct Answer: Codable {
  let images: Int
  let seconds: Double
}

/// A resident batch and the step that uses it.
final class Workload {
  private let step: () throws -> Void
  private let batch: Int

  init(_ request: Request) throws {
    let generator = try RandomGenerator(seed: 1)
    let c = request.model
    let model = try makeModel(c, generator: generator)
    let images = try Tensor.normal(shape: [request.batch, c.channels, c.imageSize, c.imageSize], generator: generator)
    let labels = try Tensor(
      HostTensor(integers: (0..<request.batch).map { Int64($0 % c.classes) }, shape: [request.batch]))
    batch = request.batch
    switch request.mode {
    case .evaluate:
      let inference = try model.inference(precision: request.precision, batchSize: request.batch)
      step = { _ = try inference(images) }
    case .train:
      let groups = [ParameterGroup(model.store.parameters.filter { $0.tensor.requiresGradient })]
      let optimizer: any Optimizer =
        request.optimizer == "adamw"
        ? try AdamW(groups, weightDecay: 0.05)
        : try SGD(groups, momentum: 0.9, nesterov: true, weightDecay: 5e-4)
      step = {
        optimizer.zeroGradients()
        let loss = try withAutocast(request.precision) {
          try crossEntropy(model(images, training: true).to(.float32), labels: labels)
        }
        try loss.backward()
        try optimizer.step(learningRate: 1e-3)
      }
    }
    for _ in 0..<5 { try step() }
  }

  /// Runs whole steps for at least that long.
  func run(seconds: Double) throws -> Answer {
    let clock = ContinuousClock()
    let start = clock.now
    var steps = 0
    repeat {
      try step()
      steps += 1
    } while clock.now - start < .seconds(seconds)
    let spent = clock.now - start
    return Answer(
      images: steps * batch, seconds: Double(spent.components.seconds) + Double(spent.components.attoseconds) * 1e-18)
  }
}

do {
  if let threads = ProcessInfo.processInfo.environment["SOUP_THREADS"].flatMap(Int.init) {
    try Torch.setThreadCount(threads)
  }
  var workloads: [String: Workload] = [:]
  while let line = readLine() {
    let request = try JSONDecoder().decode(Request.self, from: Data(line.utf8))
    let workload = try workloads[request.key] ?? Workload(request)
    workloads[request.key] = workload
    let answer = try JSONEncoder().encode(workload.run(seconds: request.seconds))
    FileHandle.standardOutput.write(answer + Data("\n".utf8))
  }
} catch {
  FileHandle.standardError.write(Data("soup-bench: \(error)\n".utf8))
  exit(1)
}

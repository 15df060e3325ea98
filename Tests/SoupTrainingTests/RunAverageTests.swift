import Foundation
import SoupCheckpoints
import SoupModels
import SoupTensors
import SoupTorch
import SoupTraining
import Testing

/// `Tools/reference_averages.py`: the numbers of `torch.optim.swa_utils`.
private struct Expected: Decodable {
  struct Rates: Decodable {
    let total: Int
    let start: Int
    let anneal: Int
    let swa: Double
    let base: Double
    let rates: [Double]
  }
  struct Averages: Decodable {
    /// `[moment][weight, mean]`
    let moments: [[[Float]]]
    let swa: [[Float]]
    let ema: [[Float]]
  }
  let rates: [Rates]
  let averages: Averages

  static func read() throws -> Expected {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/training/averages.json")
    return try JSONDecoder().decode(Expected.self, from: Data(contentsOf: file))
  }
}

private func configuration(epochs: Double) throws -> TrainingConfiguration {
  try TrainingConfiguration(
    model: ModelConfiguration(parsing: "resnet8:classes=3,channels=1,image=8"),
    data: DataConfiguration(dataset: "synthetic", checksum: "0"), epochs: epochs, batchSize: 24,
    optimizer: .sgd(learningRate: 0.05), schedule: .constant, augmentation: [.flip()], seed: 3)
}

private func train(_ configuration: TrainingConfiguration, in folder: String, _ name: String) throws -> TrainingSummary
{
  let trainer = Trainer(
    configuration, files: TrainingFiles(output: "\(folder)/\(name).safetensors"), data: try syntheticImages(),
    validate: { _ in HeldOutResult(top1: 0.5, loss: 1) })
  guard case .finished(let summary) = try trainer.run() else { throw CancellationError() }
  return summary
}

private func weights(_ folder: String, _ name: String) throws -> StateDict {
  try Checkpoint(contentsOf: "\(folder)/\(name).safetensors").stateDict()
}

/// The largest difference of a tensor from the mean of others.
private func deviation(_ found: HostTensor?, fromMeanOf others: [HostTensor?]) -> Double {
  let lists = others.compactMap { $0?.doubles() }
  guard let found = found?.doubles(), lists.count == others.count else { return .infinity }
  return found.indices.reduce(0) { worst, i in
    max(worst, abs(found[i] - lists.reduce(0) { $0 + $1[i] } / Double(lists.count)))
  }
}

@Suite struct RunAverageTests {
  /// Rates by step are those of SWALR with linear annealing, stepped after every step.
  @Test func anneals() throws {
    for expected in try Expected.read().rates {
      // Ten steps an epoch.
      var settings = try configuration(epochs: Double(expected.total) / 10)
      settings.optimizer.learningRate = expected.base
      settings.schedule = .cosine
      settings.swa = SWAConfiguration(
        start: Double(expected.start) / 10, learningRate: expected.swa, anneal: Double(expected.anneal) / 10)
      for (step, rate) in expected.rates.enumerated() {
        let found = settings.learningRate(step: step, totalSteps: expected.total, stepsPerEpoch: 10)
        #expect(abs(found - rate) < 1e-12, "step \(step)")
      }
    }
  }

  /// `α(i) = (1 − t) α₁ + t α₂`, `t = (mod(i − 1, c) + 1)/c`, i from 1: section 3.1 of the paper.
  @Test func cycles() {
    let swa = SWAConfiguration(start: 2, learningRate: 0.4, cycle: .steps(4), lowestRate: 0)
    let rates = (18..<30).map { swa.learningRate(step: $0, scheduled: 1, stepsPerEpoch: 10) }
    #expect(rates[0] == nil && rates[1] == nil)
    for (index, rate) in rates.dropFirst(2).enumerated() {
      #expect(abs((rate ?? -1) - [0.3, 0.2, 0.1, 0][index % 4]) < 1e-15)
    }
    #expect((1...32).filter { swa.averages(after: $0, stepsPerEpoch: 10) } == [20, 24, 28, 32])
    #expect(swa.learningRate(step: 20, scheduled: 1, stepsPerEpoch: 10) == 0.4 * 0.75)
    let standard = SWAConfiguration(start: 0, learningRate: 0.4, cycle: .epochs(0.5))
    #expect(abs((standard.learningRate(step: 4, scheduled: 1, stepsPerEpoch: 10) ?? 0) - 0.004) < 1e-15)
  }

  @Test func takesTheWeightsAfterEpochsFromTheStartOn() {
    let swa = SWAConfiguration(start: 2, learningRate: 0.1)
    #expect((1...50).filter { swa.averages(after: $0, stepsPerEpoch: 10) } == [20, 30, 40, 50])
    let whole = SWAConfiguration(start: 0, learningRate: 0.1, every: .epochs(0.5))
    #expect((1...20).filter { whole.averages(after: $0, stepsPerEpoch: 10) } == [5, 10, 15, 20])
  }

  @Test func agreesWithAveragedModel() throws {
    let expected = try Expected.read().averages
    let store = ParameterStore(generator: try RandomGenerator(seed: 0))
    _ = try store.root.parameter("weight", shape: [5], .zeros)
    _ = try store.root.buffer("mean", shape: [3], .zeros)
    let equal = try EqualAverage(of: store)
    var moving: ExponentialMovingAverage?
    for moment in expected.moments {
      try store.load(
        StateDict([
          ("weight", HostTensor(floats: moment[0], shape: [5])), ("mean", HostTensor(floats: moment[1], shape: [3])),
        ]))
      try equal.add()
      // PyTorch's moving average starts with the first moment.
      if let moving { try moving.update() } else { moving = try ExponentialMovingAverage(of: store, decay: 0.9) }
    }
    #expect(equal.count == 6)
    for (found, lists) in [(try equal.stateDict(), expected.swa), (try #require(moving).stateDict(), expected.ema)] {
      for (name, list) in zip(["weight", "mean"], lists) {
        let values = try #require(found[name]).floats()
        #expect(zip(values, list).allSatisfy { abs($0 - $1) < 5e-7 })
      }
    }
  }

  /// At a constant rate a longer run passes through the weights of the shorter ones; SWA and LAWA are their means.
  @Test func averagesAreMeansOfShorterRuns() throws {
    try withTemporaryFolder { folder in
      for epochs in 1...3 { _ = try train(configuration(epochs: Double(epochs)), in: folder, "run\(epochs)") }
      var averaging = try configuration(epochs: 3)
      averaging.swa = SWAConfiguration(start: 1, learningRate: 0.05)
      averaging.lawa = LAWAConfiguration(window: 2)
      averaging.averageStatistics = .average
      let summary = try train(averaging, in: folder, "averaged")
      #expect(summary.averages.map(\.moments) == [3, 2])
      #expect(summary.averages.allSatisfy { $0.heldOut?.top1 == 0.5 })
      let runs = try (1...3).map { try weights(folder, "run\($0)") }
      let (swa, lawa) = (try weights(folder, "averaged-swa"), try weights(folder, "averaged-lawa"))
      let raw = try weights(folder, "averaged")
      for (name, tensor) in swa where tensor.dtype.isFloatingPoint {
        #expect(deviation(tensor, fromMeanOf: runs.map { $0[name] }) < 1e-6, "\(name)")
        #expect(deviation(lawa[name], fromMeanOf: runs[1...].map { $0[name] }) < 1e-6, "\(name)")
        #expect(raw[name]?.floats() == runs[2][name]?.floats(), "the averages do not change the run: \(name)")
      }
      let provenance = try #require(Provenance(metadata: swa.metadata))
      #expect(provenance.average == .swa && provenance.moments == 3 && provenance.averaged)
      let log = try String(contentsOfFile: folder + "/averaged.jsonl", encoding: .utf8)
      #expect(log.contains(#""event":"swa","loss":1,"moments":3"#))
      #expect(log.contains(#""event":"lawa","loss":1,"moments":2"#))
    }
  }

  /// Statistics alone differ between the two policies, and SWA's are recomputed unless told otherwise.
  @Test func statisticsAreRecomputedWhereAsked() throws {
    try withTemporaryFolder { folder in
      var settings = try configuration(epochs: 2)
      settings.swa = SWAConfiguration(start: 1, learningRate: 0.05)
      settings.lawa = LAWAConfiguration(window: 2)
      settings.ema = 0.9
      for policy in [nil, AverageStatistics.average, .recompute] {
        settings.averageStatistics = policy
        _ = try train(settings, in: folder, policy?.rawValue ?? "default")
      }
      for (suffix, standard) in [("-swa", "recompute"), ("-lawa", "average"), ("", "average")] {
        let found = try ["default", "average", "recompute"].map { try weights(folder, $0 + suffix) }
        #expect(found[1]["bn1.running_mean"]?.floats() != found[2]["bn1.running_mean"]?.floats())
        #expect(found[1]["conv1.weight"]?.floats() == found[2]["conv1.weight"]?.floats())
        let expected = found[standard == "average" ? 1 : 2]
        #expect(found[0]["bn1.running_var"]?.floats() == expected["bn1.running_var"]?.floats())
      }
    }
  }

  @Test func refusesAveragesOfNothing() throws {
    try withTemporaryFolder { folder in
      var settings = try configuration(epochs: 1)
      settings.swa = SWAConfiguration(start: 0, learningRate: 0.05, every: .epochs(2))
      settings.lawa = LAWAConfiguration(window: 2, every: .steps(100))
      let error = #expect(throws: TrainingError.self) { try train(settings, in: folder, "none") }
      #expect(error?.code == .badConfiguration)
      #expect(error?.description.contains("SWA from epoch 0.0 on averages nothing") ?? false)
      #expect(error?.description.contains("LAWA every 100 steps averages nothing") ?? false)
      settings.swa = SWAConfiguration(
        start: 1, learningRate: 0, anneal: 1, cycle: .steps(0), lowestRate: 1, every: .epochs(0))
      settings.lawa = LAWAConfiguration(window: 0, every: .epochs(.infinity))
      let all = #expect(throws: TrainingError.self) { try settings.validate() }
      #expect(all?.description.split(separator: "\n").count == 8)
    }
  }

  @Test func intervalsAreReadAsPeopleWriteThem() {
    #expect(TrainingInterval("0.5") == .epochs(0.5))
    #expect(TrainingInterval("2 epochs") == .epochs(2))
    #expect(TrainingInterval("200steps") == .steps(200))
    #expect(TrainingInterval("1 step")?.description == "1 steps")
    #expect(["", "steps", "2.5 steps", "3 days", "x"].allSatisfy { TrainingInterval($0) == nil })
  }
}

import Foundation
import SoupCheckpoints
import SoupData
import SoupModels
import SoupTensors
import SoupTorch
import SoupTraining
import Testing

/// Everything that has state is on: momentum, schedule, augmentation, mixup, smoothing, EMA, SWA, LAWA, the best of all epochs.
private func fullConfiguration(seed: UInt64 = 3) throws -> TrainingConfiguration {
  try TrainingConfiguration(
    model: ModelConfiguration(parsing: "resnet8:classes=3,channels=1,image=8"),
    data: DataConfiguration(dataset: "synthetic", checksum: "0"), epochs: 2.5, batchSize: 24,
    optimizer: .sgd(learningRate: 0.05), schedule: .warmupCosine(warmupSteps: 3),
    augmentation: [.crop(padding: 1), .flip()], labelSmoothing: 0.1, mixup: 0.3, ema: 0.9,
    swa: SWAConfiguration(start: 0.75, learningRate: 0.04, cycle: .steps(3)),
    lawa: LAWAConfiguration(window: 3, every: .steps(4)), clipNorm: 1, keep: .best, seed: seed)
}

/// The same for a transformer with AdamW and drop path, whose masks come from LibTorch's random numbers.
private func transformerConfiguration() throws -> TrainingConfiguration {
  try TrainingConfiguration(
    model: ModelConfiguration(parsing: "vit:patch=4,dim=16,depth=2,heads=2,classes=3,channels=1,image=8"),
    data: DataConfiguration(dataset: "synthetic", checksum: "0"), epochs: 1.5, batchSize: 24,
    optimizer: .adamW(), dropPath: 0.3, seed: 5)
}

/// A score that depends on the weights, so that "the best epoch" is not always the last.
private func validation(_ images: any ImageDataset) throws -> (any Model) throws -> HeldOutResult {
  let loader = try DataLoader(images, batchSize: images.count)
  return { model in
    guard let batch = try loader.batches(epoch: 0).next() else { throw CancellationError() }
    return try withoutGradients {
      let logits = try model(Tensor(batch.images), training: false)
      let labels = try Tensor(batch.labels)
      let right = try logits.argmax(over: 1).equal(labels).to(.float32).mean().item()
      return HeldOutResult(top1: right, loss: try crossEntropy(logits, labels: labels).item())
    }
  }
}

private func trainer(
  _ configuration: TrainingConfiguration, in folder: String, _ name: String = "model", loaderThreads: Int = 1,
  saveInterval: SaveInterval = .steps(1000), restart: Bool = false
) throws -> Trainer {
  let images = try syntheticImages()
  return Trainer(
    configuration, files: TrainingFiles(output: "\(folder)/\(name).safetensors", tensorBoard: "\(folder)/\(name).tb"),
    data: images, loaderThreads: loaderThreads, saveInterval: saveInterval, restart: restart,
    validate: try validation(images))
}

private func bytes(_ folder: String, _ name: String = "model") throws -> Data {
  try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name).safetensors"))
}

@Suite(.serialized) struct TrainerTests {
  @Test func learns() throws {
    try withTemporaryFolder { folder in
      var configuration = try fullConfiguration()
      configuration.epochs = 12
      configuration.mixup = 0
      configuration.ema = nil
      configuration.optimizer.learningRate = 0.1
      guard case .finished(let summary) = try trainer(configuration, in: folder).run() else {
        Issue.record("the run did not finish")
        return
      }
      #expect(summary.heldOut?.top1 ?? 0 > 0.9)
      #expect(summary.steps == 96)
      #expect(!FileManager.default.fileExists(atPath: folder + "/model.safetensors.state"))
    }
  }

  /// Same seed, same bytes, with 0, 1 and 2 threads that prepare batches; another seed, other bytes.
  @Test func bytesDependOnTheSeedOnly() throws {
    try withTemporaryFolder { folder in
      for threads in 0...2 {
        _ = try trainer(fullConfiguration(), in: folder, "threads\(threads)", loaderThreads: threads).run()
      }
      let first = try bytes(folder, "threads0")
      #expect(try bytes(folder, "threads1") == first)
      #expect(try bytes(folder, "threads2") == first)
      _ = try trainer(fullConfiguration(seed: 4), in: folder, "other").run()
      #expect(try bytes(folder, "other") != first)
    }
  }

  /// Stopped after every single step and started again by a new trainer: the same bytes as in one go.
  @Test(arguments: [true, false]) func resumesBitForBit(convolutional: Bool) throws {
    try withTemporaryFolder { folder in
      let configuration = try convolutional ? fullConfiguration() : transformerConfiguration()
      _ = try trainer(configuration, in: folder, "whole").run()
      var stops = 0
      loop: while true {
        switch try trainer(configuration, in: folder, "pieces").run(shouldStop: { true }) {
        case .interrupted(let step):
          stops += 1
          #expect(step == stops)
        case .finished: break loop
        case .alreadyFinished:
          Issue.record("finished twice")
          break loop
        }
      }
      #expect(stops == (convolutional ? 19 : 11))
      for suffix in convolutional ? ["", "-swa", "-lawa"] : [""] {
        #expect(try bytes(folder, "pieces" + suffix) == bytes(folder, "whole" + suffix))
      }
    }
  }

  /// An error in mid-run loses the steps since the last save; they are repeated, and logged once.
  @Test func continuesFromTheLastSaveAfterACrash() throws {
    struct Crash: Error {}
    try withTemporaryFolder { folder in
      _ = try trainer(fullConfiguration(), in: folder, "whole").run()
      #expect(throws: Crash.self) {
        try trainer(fullConfiguration(), in: folder, "crashed", saveInterval: .steps(5)).run(progress: { progress in
          if case .step(let step) = progress, step.step == 13 { throw Crash() }
        })
      }
      var started: TrainingPlan?
      let outcome = try trainer(fullConfiguration(), in: folder, "crashed").run(progress: { progress in
        if case .started(let plan) = progress { started = plan }
      })
      #expect(started?.completedSteps == 10)
      guard case .finished = outcome else {
        Issue.record("not finished")
        return
      }
      for suffix in ["", "-swa", "-lawa"] {
        #expect(try bytes(folder, "crashed" + suffix) == bytes(folder, "whole" + suffix))
      }
      #expect(try losses(folder, "crashed") == losses(folder, "whole"))
      // One event file each; the crashed one was cut back and went on, so both hold the same number of events.
      let files = ["crashed", "whole"].map { "\(folder)/\($0).tb/\(TensorBoardWriter.fileName)" }
      let sizes = try files.map { try Data(contentsOf: URL(fileURLWithPath: $0)).count }
      #expect(sizes[0] == sizes[1])
    }
  }

  /// The lines about losses and scores, without times.
  private func losses(_ folder: String, _ name: String) throws -> [[String: Double]] {
    try String(contentsOfFile: "\(folder)/\(name).jsonl", encoding: .utf8).split(separator: "\n").compactMap { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      guard let object, ["train", "held-out", "swa", "lawa"].contains(object["event"] as? String) else { return nil }
      return object.compactMapValues { ($0 as? NSNumber)?.doubleValue }.filter { $0.key != "images_per_second" }
    }
  }

  @Test func aFinishedRunIsNotRepeated() throws {
    try withTemporaryFolder { folder in
      _ = try trainer(fullConfiguration(), in: folder).run()
      let before = try bytes(folder)
      guard case .alreadyFinished = try trainer(fullConfiguration(), in: folder).run() else {
        Issue.record("it ran again")
        return
      }
      var other = try fullConfiguration()
      other.optimizer.learningRate = 0.01
      other.epochs = 1
      let error = #expect(throws: TrainingError.self) { try trainer(other, in: folder).run() }
      #expect(error?.code == .differentConfiguration)
      #expect(error?.description.contains("epochs: 2.5 → 1") ?? false)
      #expect(error?.description.contains("optimizer.learning_rate: 0.05 → 0.01") ?? false)
      #expect(try bytes(folder) == before)
      _ = try trainer(other, in: folder, restart: true).run()
      #expect(try bytes(folder) != before)
    }
  }

  @Test func aStateOfOtherSettingsIsRefused() throws {
    try withTemporaryFolder { folder in
      _ = try trainer(fullConfiguration(), in: folder).run(shouldStop: { true })
      let error = #expect(throws: TrainingError.self) { try trainer(fullConfiguration(seed: 9), in: folder).run() }
      #expect(error?.code == .differentConfiguration)
      #expect(error?.description.contains("seed: 3 → 9") ?? false)
      let state = folder + "/model.safetensors.state"
      try Data("rubbish".utf8).write(to: URL(fileURLWithPath: state))
      let damaged = #expect(throws: TrainingError.self) { try trainer(fullConfiguration(), in: folder).run() }
      #expect(damaged?.code == .damagedState)
      #expect(damaged?.file == state)
    }
  }

  @Test func anOutputOfSomeoneElseIsKept() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/model.safetensors"
      try CheckpointWriter.write(StateDict([("w", HostTensor(floats: [1], shape: [1]))]), to: path)
      let before = try bytes(folder)
      let error = #expect(throws: TrainingError.self) { try trainer(fullConfiguration(), in: folder).run() }
      #expect(error?.code == .outputExists)
      #expect(try bytes(folder) == before)
    }
  }

  @Test func divergenceStopsAndKeepsTheLastGoodState() throws {
    try withTemporaryFolder { folder in
      var configuration = try fullConfiguration()
      configuration.optimizer.learningRate = 1e30
      configuration.clipNorm = nil
      configuration.schedule = .multiStep(steps: [4], factor: 1e30)
      configuration.optimizer.learningRate = 1e-3
      let error = #expect(throws: TrainingError.self) {
        try trainer(configuration, in: folder, saveInterval: .steps(1)).run()
      }
      #expect(error?.code == .diverged)
      #expect(error?.description.contains("step") ?? false)
      #expect(!FileManager.default.fileExists(atPath: folder + "/model.safetensors"))
      let state = try Checkpoint(contentsOf: folder + "/model.safetensors.state").stateDict()
      for (name, tensor) in state where tensor.dtype.isFloatingPoint && name.hasPrefix("model.") {
        let finite = tensor.floats().allSatisfy(\.isFinite)
        #expect(finite, "\(name)")
      }
    }
  }

  /// The checkpoint says what it is, and equal runs say it in equal words.
  @Test func recordsItsProvenance() throws {
    try withTemporaryFolder { folder in
      _ = try trainer(fullConfiguration(), in: folder).run()
      let metadata = try Checkpoint(contentsOf: folder + "/model.safetensors").metadata
      let provenance = try #require(Provenance(metadata: metadata))
      #expect(try provenance.configuration == fullConfiguration())
      #expect(provenance.averaged)
      #expect([8, 16, 20].contains(provenance.steps))
      #expect(try ModelConfiguration(metadata: metadata) == fullConfiguration().model)
      #expect(try DataConfiguration(metadata: metadata) == fullConfiguration().data)
      #expect(metadata["format"] == "pt")
      #expect(!metadata.values.contains { $0.contains(folder) })
    }
  }

  @Test func fineTuningStartsAtTheBase() throws {
    try withTemporaryFolder { folder in
      var configuration = try fullConfiguration()
      configuration.keep = .last
      configuration.ema = nil
      configuration.swa = nil
      configuration.lawa = nil
      _ = try trainer(configuration, in: folder, "base").run()
      let base = try Checkpoint(contentsOf: folder + "/base.safetensors").stateDict()
      // A learning rate of almost nothing leaves the parameters where the base has them.
      configuration.optimizer = .sgd(learningRate: 1e-30, weightDecay: 0)
      configuration.epochs = 0.1
      for resetHead in [false, true] {
        configuration.base = BaseConfiguration(
          fingerprint: WeightFingerprint(base).description, resetHead: resetHead)
        var tuning = try trainer(configuration, in: folder, "tuned\(resetHead)")
        tuning.base = (base, "base.safetensors")
        _ = try tuning.run()
        let tuned = try Checkpoint(contentsOf: folder + "/tuned\(resetHead).safetensors").stateDict()
        #expect(tuned["conv1.weight"]?.floats() == base["conv1.weight"]?.floats())
        #expect((tuned["linear.weight"]?.floats() == base["linear.weight"]?.floats()) == !resetHead)
      }
    }
  }

  @Test func listsEverySettingOutOfRange() throws {
    var configuration = try fullConfiguration()
    configuration.swa = nil
    configuration.epochs = 0
    configuration.batchSize = 0
    configuration.labelSmoothing = 1
    configuration.ema = 1
    configuration.optimizer.learningRate = -1
    configuration.optimizer.momentum = 0
    configuration.data.heldOut = 1
    let error = #expect(throws: TrainingError.self) { try configuration.validate() }
    #expect(error?.code == .badConfiguration)
    #expect(error?.description.split(separator: "\n").count == 7)
  }
}

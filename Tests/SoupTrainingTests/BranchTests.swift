import Foundation
import SoupCheckpoints
import SoupData
import SoupModels
import SoupTensors
import SoupTraining
import Testing

/// A convolutional trunk with everything that a branch inherits: momentum, a warm-up, augmentation, mixup, EMA.
private func convolutionalTrunk() throws -> TrainingConfiguration {
  try TrainingConfiguration(
    model: ModelConfiguration(parsing: "resnet8:classes=3,channels=1,image=8"),
    data: DataConfiguration(dataset: "synthetic", checksum: "0"), epochs: 3, batchSize: 48,
    optimizer: .sgd(learningRate: 0.05), schedule: .warmupCosine(warmupSteps: 2),
    augmentation: [.crop(padding: 1), .flip()], labelSmoothing: 0.1, mixup: 0.3, ema: 0.8, seed: 3)
}

/// A transformer with AdamW and drop path, whose masks come from LibTorch's random numbers.
private func transformerTrunk() throws -> TrainingConfiguration {
  try TrainingConfiguration(
    model: ModelConfiguration(parsing: "vit:patch=4,dim=16,depth=2,heads=2,classes=3,channels=1,image=8"),
    data: DataConfiguration(dataset: "synthetic", checksum: "0"), epochs: 3, batchSize: 48,
    optimizer: .adamW(), dropPath: 0.3, seed: 5)
}

private func trainer(
  _ configuration: TrainingConfiguration, _ path: String, from point: BranchPoint? = nil,
  checkpoints: CheckpointInterval? = nil
) throws -> Trainer {
  var trainer = Trainer(
    configuration, files: TrainingFiles(output: path, checkpoints: checkpoints), data: try syntheticImages())
  trainer.branch = point
  return trainer
}

private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

private func fingerprint(_ path: String) throws -> WeightFingerprint {
  try WeightFingerprint(Checkpoint(contentsOf: path).stateDict())
}

/// Trains, killed after every step, to the end.
private func trainInPieces(_ make: () throws -> Trainer) throws {
  while case .interrupted = try make().run(shouldStop: { true }) {}
}

@Suite(.serialized) struct BranchTests {
  /// A branch that scales nothing and has the trunk's seed is the trunk.
  @Test(arguments: [true, false]) func anUnscaledBranchWithTheSameSeedIsTheTrunk(convolutional: Bool) throws {
    try withTemporaryFolder { folder in
      let trunk = try convolutional ? convolutionalTrunk() : transformerTrunk()
      _ = try trainer(trunk, folder + "/trunk.safetensors", checkpoints: .init(every: 1)).run()
      let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".state") }
      #expect(files.sorted() == (1...3).map { "trunk-epoch-\($0).state" })
      for epoch in 1...2 {
        let point = try BranchPoint(contentsOf: folder + "/trunk-epoch-\(epoch).state")
        let output = folder + "/branch\(epoch).safetensors"
        _ = try trainer(point.configuration(seed: trunk.seed), output, from: point).run()
        #expect(try fingerprint(output) == fingerprint(folder + "/trunk.safetensors"))
        let other = folder + "/other\(epoch).safetensors"
        _ = try trainer(point.configuration(seed: trunk.seed + 1), other, from: point).run()
        #expect(try fingerprint(other) != fingerprint(output))
      }
    }
  }

  @Test(arguments: [true, false]) func killedTrunksAndBranchesGiveTheSameBytes(convolutional: Bool) throws {
    try withTemporaryFolder { folder in
      let trunk = try convolutional ? convolutionalTrunk() : transformerTrunk()
      let interval = CheckpointInterval(every: 1, first: 2)
      _ = try trainer(trunk, folder + "/whole.safetensors", checkpoints: interval).run()
      try trainInPieces { try trainer(trunk, folder + "/pieces.safetensors", checkpoints: interval) }
      #expect(!FileManager.default.fileExists(atPath: folder + "/whole-epoch-1.state"))
      for epoch in 2...3 {
        #expect(try bytes(folder + "/pieces-epoch-\(epoch).state") == bytes(folder + "/whole-epoch-\(epoch).state"))
      }
      let point = try BranchPoint(contentsOf: folder + "/whole-epoch-2.state")
      let configuration = try point.configuration(
        scales: .init(learningRate: 0.7, momentum: convolutional ? 1.05 : 1, weightDecay: 1.1), extraEpochs: 1, seed: 8)
      _ = try trainer(configuration, folder + "/branch.safetensors", from: point).run()
      try trainInPieces { try trainer(configuration, folder + "/again.safetensors", from: point) }
      #expect(try bytes(folder + "/again.safetensors") == bytes(folder + "/branch.safetensors"))
    }
  }

  /// With one step at a constant rate, the momentum restored, twice the rate moves every weight twice as far.
  @Test func theRateIsScaledAfterTheOptimizerIsRestored() throws {
    try withTemporaryFolder { folder in
      var trunk = try convolutionalTrunk()
      (trunk.schedule, trunk.ema) = (.constant, nil)
      _ = try trainer(trunk, folder + "/trunk.safetensors", checkpoints: .init(every: 1)).run()
      let state = folder + "/trunk-epoch-2.state"
      let start = try Checkpoint(contentsOf: state).stateDict()
      let point = try BranchPoint(contentsOf: state)
      func moves(_ scale: Double) throws -> [Float] {
        let output = folder + "/x\(scale).safetensors"
        // A quarter of an epoch is one step of four.
        let configuration = try point.configuration(scales: .init(learningRate: scale), epochs: 2.25, seed: 3)
        _ = try trainer(configuration, output, from: point).run()
        let (before, after) = (
          start["model.conv1.weight"], try Checkpoint(contentsOf: output).stateDict()["conv1.weight"]
        )
        return zip(try #require(after).floats(), try #require(before).floats()).map { $0 - $1 }
      }
      let (once, twice) = (try moves(1), try moves(2))
      #expect(once.contains { abs($0) > 1e-4 })
      #expect(zip(once, twice).allSatisfy { abs(2 * $0 - $1) < 1e-6 })
    }
  }

  /// The document's numbers: scaled to the end of the trunk's schedule, then rising from the unscaled base of 0.1: 2.7e-6
  /// after one epoch, 2.2e-4 in the last of ten.
  @Test func theRateFollowsTheTrunksScheduleAndRisesPastItsEnd() throws {
    var configuration = try convolutionalTrunk()
    configuration.schedule = .cosine
    configuration.optimizer.learningRate = 0.05
    configuration.epochs = 310
    configuration.branch = BranchConfiguration(
      fingerprint: "", epoch: 50, step: 50, scales: .init(learningRate: 0.5), trunkEpochs: 300, trunkLearningRate: 0.1)
    func rate(_ step: Int) -> Double { configuration.learningRate(step: step, totalSteps: 310, stepsPerEpoch: 1) }
    #expect(abs(rate(150) - 0.025) < 1e-15)
    #expect(rate(300) == 0)
    #expect(abs(rate(301) - 2.7415e-6) < 1e-9)
    #expect(abs(rate(309) - 2.2190e-4) < 1e-7)
  }

  @Test func settingsAreScaledAndRecorded() throws {
    try withTemporaryFolder { folder in
      let trunk = try convolutionalTrunk()
      _ = try trainer(trunk, folder + "/trunk.safetensors", checkpoints: .init(every: 2)).run()
      let point = try BranchPoint(contentsOf: folder + "/trunk-epoch-2.state")
      let scales = BranchScales(learningRate: 0.5, momentum: 1.1, weightDecay: 2)
      let configuration = try point.configuration(scales: scales, seed: 8)
      #expect(configuration.optimizer.learningRate == 0.025)
      #expect(configuration.optimizer.momentum == 0.9 * 1.1)
      #expect(configuration.optimizer.weightDecay == 1e-3)
      _ = try trainer(configuration, folder + "/branch.safetensors", from: point).run()
      let metadata = try Checkpoint(contentsOf: folder + "/branch.safetensors").metadata
      let provenance = try #require(Provenance(metadata: metadata))
      #expect(provenance.branch == "trunk-epoch-2.state")
      #expect(provenance.configuration.branch?.scales == scales)
      #expect(provenance.configuration.branch?.epoch == 2)
      let record = try #require(metadata[BranchConfiguration.key])
      #expect(record.contains(#""scales":{"learning_rate":0.5,"momentum":1.1,"weight_decay":2}"#))
    }
  }

  @Test func whatCannotBeABranchIsRefused() throws {
    try withTemporaryFolder { folder in
      let trunk = try convolutionalTrunk()
      let path = folder + "/trunk.safetensors"
      _ = try trainer(trunk, path).run(shouldStop: { true })
      func refused(_ text: String, _ body: () throws -> Void) {
        let error = #expect(throws: TrainingError.self) { try body() }
        #expect(error?.description.contains(text) ?? false, "\(error?.description ?? "nothing")")
      }
      refused("an interrupted run") { _ = try BranchPoint(contentsOf: path + ".state") }
      refused("there is no '\(folder)/x'") { _ = try BranchPoint(contentsOf: folder + "/x") }
      _ = try trainer(trunk, path, checkpoints: .init(every: 1)).run()
      // States that the run has passed cannot be kept any more.
      refused("trunk-epoch-2.state") {
        try FileManager.default.removeItem(atPath: folder + "/trunk-epoch-2.state")
        _ = try trainer(trunk, path, checkpoints: .init(every: 1)).run()
      }
      let point = try BranchPoint(contentsOf: folder + "/trunk-epoch-1.state")
      refused("must stay below 1") {
        _ = try point.configuration(scales: .init(momentum: 1 / 0.9), seed: 0)
      }
      refused("the scale of the learning rate must be above 0") {
        _ = try point.configuration(scales: .init(learningRate: 0), seed: 0)
      }
      refused("--extra-epochs 2") { _ = try point.configuration(epochs: 5, seed: 0) }
      refused("starts after 1.0 epochs") { _ = try point.configuration(epochs: 1, seed: 0) }
      let configuration = try point.configuration(seed: 0)
      refused("is no branch") { _ = try trainer(trunk, folder + "/a.safetensors", from: point).run() }
      refused("starts from nothing") { _ = try trainer(configuration, folder + "/a.safetensors").run() }
    }
  }
}

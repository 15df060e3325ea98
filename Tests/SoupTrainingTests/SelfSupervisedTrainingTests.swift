import Foundation
import SoupCheckpoints
import SoupData
import SoupModels
import SoupTensors
import SoupTorch
import SoupTraining
import Testing

private func configuration(
  _ model: String = "vit:patch=4,dim=16,depth=2,heads=2,classes=3,channels=1,image=8"
) throws -> TrainingConfiguration {
  try TrainingConfiguration(
    model: ModelConfiguration(parsing: model), data: DataConfiguration(dataset: "synthetic", checksum: "0"),
    objective: ObjectiveConfiguration(
      .mae(MAEConfiguration(maskRatio: 0.5, decoderDepth: 1, decoderWidth: 16, decoderHeads: 2)),
      headLearningRate: 3e-3, headWarmup: 0.2),
    images: ImageChoice(subset: .even, shift: RandomShift(.cifarC, corruptions: [.fog, .contrast], severities: [3])),
    epochs: 1.5, batchSize: 12, optimizer: .adamW(), schedule: .linearCosine(fraction: 0.3, start: 1e-6),
    augmentation: [.erase(probability: 0.5)], view: .threeAugment, dropPath: 0.3, ema: 0.9, clipNorm: 1, seed: 5)
}

private func trainer(
  _ configuration: TrainingConfiguration, in folder: String, _ name: String, loaderThreads: Int = 1,
  data: (any ImageDataset)? = nil
) throws -> Trainer {
  let images = try data ?? (configuration.images ?? ImageChoice())(syntheticImages(count: 96))
  return Trainer(
    configuration, files: TrainingFiles(output: "\(folder)/\(name).safetensors", rawOutput: "\(folder)/\(name)-raw"),
    data: images, loaderThreads: loaderThreads, saveInterval: .steps(1000))
}

private func bytes(_ folder: String, _ name: String) throws -> Data {
  try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name).safetensors"))
}

@Suite("Self-supervised training", .serialized) struct SelfSupervisedTrainingTests {
  /// Stopped after every step and started again, with other numbers of loader threads: the same bytes as in one go. Both
  /// optimizers, the head, masks, views, corruptions and drop path go on where they were.
  @Test func resumesBitForBit() throws {
    try withTemporaryFolder { folder in
      _ = try trainer(configuration(), in: folder, "whole").run()
      var stops = 0
      loop: while true {
        switch try trainer(configuration(), in: folder, "pieces", loaderThreads: stops % 3).run(shouldStop: { true }) {
        case .interrupted: stops += 1
        case .finished: break loop
        case .alreadyFinished:
          Issue.record("finished twice")
          break loop
        }
      }
      #expect(stops == 5)
      #expect(try bytes(folder, "pieces") == bytes(folder, "whole"))
    }
  }

  /// The head is not part of the result, the base's classifier is, untouched; the provenance says how it was made.
  @Test func leavesAnEncoderWithTheBasesClassifier() throws {
    try withTemporaryFolder { folder in
      let base = try makeModel(configuration().model, generator: RandomGenerator(seed: 9)).store.stateDict()
      var configuration = try configuration()
      configuration.base = BaseConfiguration(fingerprint: WeightFingerprint(base).description)
      var trainer = try trainer(configuration, in: folder, "model")
      trainer.base = (base, "base.safetensors")
      guard case .finished(let summary) = try trainer.run() else {
        Issue.record("the run did not finish")
        return
      }
      #expect(summary.steps == 6 && summary.heldOut == nil)
      let result = try Checkpoint(contentsOf: folder + "/model.safetensors")
      let weights = try result.stateDict()
      #expect(weights.names == base.names)
      for name in ["head.weight", "head.bias"] {
        #expect(try #require(weights[name]).floats() == #require(base[name]).floats())
      }
      #expect(
        try #require(weights["blocks.0.attn.qkv.weight"]).floats()
          != #require(base["blocks.0.attn.qkv.weight"]).floats())
      let provenance = try #require(Provenance(metadata: result.metadata))
      #expect(provenance.configuration == configuration)
      #expect(provenance.configuration.objective?.kind == .mae)
    }
  }

  /// An encoder without a classifier stays one, and is fine-tuned with a new one.
  @Test func encodersNeedNoClassifier() throws {
    try withTemporaryFolder { folder in
      var encoder = try configuration()
      encoder.model.classes = 0
      _ = try trainer(encoder, in: folder, "encoder").run()
      let weights = try Checkpoint(contentsOf: folder + "/encoder.safetensors").stateDict()
      #expect(!weights.names.contains { $0.hasPrefix("head") })
      let inferred = try ModelConfiguration(inferring: weights)
      #expect(inferred.classes == 0)

      var tuning = try configuration()
      tuning.objective = nil
      tuning.base = BaseConfiguration(fingerprint: WeightFingerprint(weights).description, resetHead: true)
      var tuner = try trainer(tuning, in: folder, "tuned")
      tuner.base = (weights, "encoder.safetensors")
      _ = try tuner.run()
      #expect(try Checkpoint(contentsOf: folder + "/tuned.safetensors").stateDict().names.contains("head.weight"))

      tuning.model.classes = 0
      let error = try #require(throws: TrainingError.self) { try tuning.validate() }
      #expect(error.description.contains("classifier"))
    }
  }

  /// A head whose rate is tiny stays where it starts, whatever the model's: two optimizers with a rate each.
  @Test func theHeadHasItsOwnRate() throws {
    try withTemporaryFolder { folder in
      var configuration = try configuration()
      configuration.objective?.headLearningRate = 1e-30
      let generator = try RandomGenerator(seed: 11)
      let model = try makeModel(configuration.model, generator: generator)
      let head = try #require(configuration.objective).make(for: model, generator: generator, device: .cpu).head
      var trainer = try trainer(configuration, in: folder, "model")
      trainer.head = try head.stateDict()
      guard case .interrupted = try trainer.run(shouldStop: { true }) else {
        Issue.record("not interrupted")
        return
      }
      let state = try Checkpoint(contentsOf: folder + "/model.safetensors.state").stateDict()
      for (name, tensor) in head.parameters {
        let now = try #require(state["head." + name]).floats()
        #expect(try zip(now, tensor.host().floats()).allSatisfy { abs($0 - $1) < 1e-20 }, "\(name)")
      }
      #expect(state.names.contains("head_optimizer.step.mask_token"))
      #expect(state.names.contains("optimizer.step.cls_token"))
    }
  }

  /// A loss that is no number stops the run and keeps what was saved before.
  @Test func divergenceStopsAndSaysWhere() throws {
    try withTemporaryFolder { folder in
      var configuration = try configuration()
      configuration.optimizer.learningRate = 1e30
      configuration.clipNorm = nil
      configuration.schedule = .constant
      let error = try #require(throws: TrainingError.self) { try trainer(configuration, in: folder, "model").run() }
      #expect(error.code == .diverged)
      #expect(error.description.contains("step"))
      #expect(!FileManager.default.fileExists(atPath: folder + "/model.safetensors"))
    }
  }

  /// Less error after more steps, on images that it can learn.
  @Test func learns() throws {
    try withTemporaryFolder { folder in
      var configuration = try configuration()
      configuration.epochs = 15
      configuration.images = nil
      configuration.view = nil
      configuration.augmentation = []
      configuration.dropPath = 0
      var losses: [Double] = []
      _ = try trainer(configuration, in: folder, "model").run(progress: { progress in
        if case .step(let step) = progress { losses.append(step.loss) }
      })
      let (first, last) = (losses.prefix(8).reduce(0, +), losses.suffix(8).reduce(0, +))
      #expect(last < 0.8 * first)
    }
  }

  /// What older versions wrote has none of this, and means supervised training on all images.
  @Test func earlierRecordsReadAsSupervised() throws {
    var plain = try configuration()
    plain.objective = nil
    plain.images = nil
    plain.view = nil
    let json = try JSONEncoder().encode(plain)
    let keys = try #require(JSONSerialization.jsonObject(with: json) as? [String: Any]).keys
    #expect(!keys.contains("objective") && !keys.contains("images") && !keys.contains("view"))
    #expect(try JSONDecoder().decode(TrainingConfiguration.self, from: json) == plain)
    let full = try configuration()
    #expect(try JSONDecoder().decode(TrainingConfiguration.self, from: JSONEncoder().encode(full)) == full)
    #expect(try full.differences(from: plain).contains { $0.contains("objective.mae.mask_ratio: none → 0.5") })
  }
}

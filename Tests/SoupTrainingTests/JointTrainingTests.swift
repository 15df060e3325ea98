import Foundation
import SoupCheckpoints
import SoupData
import SoupModels
import SoupTensors
import SoupTorch
import SoupTraining
import Testing

@Suite("Training with MoCo v3, MMCR and LeJEPA", .serialized) struct JointTrainingTests {
  private func configuration(
    _ algorithm: ObjectiveConfiguration.Algorithm, model: String, view: TrainingView = .threeAugment
  ) throws -> TrainingConfiguration {
    try TrainingConfiguration(
      model: ModelConfiguration(parsing: model + "classes=3,channels=1,image=8"),
      data: DataConfiguration(dataset: "synthetic", checksum: "0"), objective: ObjectiveConfiguration(algorithm),
      epochs: 1, batchSize: 32, optimizer: .adamW(learningRate: 1e-3), view: view, seed: 5)
  }

  private func trainer(_ configuration: TrainingConfiguration, _ folder: String, _ name: String) throws -> Trainer {
    Trainer(
      configuration, files: TrainingFiles(output: "\(folder)/\(name).safetensors"), data: try syntheticImages(),
      loaderThreads: 1, saveInterval: .steps(1000))
  }

  private static let small = [16, 8]
  private static let vit = "vit:patch=4,dim=16,depth=2,heads=2,"

  /// Stopped after every step and started again: momentum copies, heads, their optimisers and the directions of SIGReg go on
  /// as if nothing had happened.
  @Test func resumesBitForBit() throws {
    let cases = [
      try configuration(.mocov3(MoCoV3Configuration(projector: Self.small, predictor: Self.small)), model: Self.vit),
      try configuration(
        .mocov3(MoCoV3Configuration(projector: Self.small, predictor: Self.small)), model: "resnet8:", view: .mocoV3),
      try configuration(
        .mmcr(MMCRConfiguration(localWeight: 0.1, targetMomentum: 0.9, views: 3, projector: Self.small)),
        model: Self.vit),
      try configuration(
        .lejepa(LeJEPAConfiguration(slices: 16, globalViews: 1, localViews: 2, projector: Self.small)),
        model: Self.vit, view: .lejepa),
    ]
    try withTemporaryFolder { folder in
      for (number, configuration) in cases.enumerated() {
        _ = try trainer(configuration, folder, "whole\(number)").run()
        var stops = 0
        while case .interrupted = try trainer(configuration, folder, "pieces\(number)").run(shouldStop: { true }) {
          stops += 1
        }
        #expect(stops == 5)
        let files = try ["whole", "pieces"].map {
          try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)\(number).safetensors"))
        }
        #expect(files[0] == files[1], "\(configuration.objective?.kind.rawValue ?? "") on \(configuration.model)")
      }
    }
  }

  /// Heads and copies stay out of the ingredient; a classifier is left as it was; MoCo v3 leaves the patches of a ViT alone.
  @Test func leavesAnIngredient() throws {
    try withTemporaryFolder { folder in
      let configuration = try configuration(
        .mocov3(MoCoV3Configuration(projector: Self.small, predictor: Self.small)), model: Self.vit)
      let model = try makeModel(configuration.model, generator: RandomGenerator(seed: 9))
      let base = try model.store.stateDict()
      var trainer = try trainer(configuration, folder, "moco")
      trainer.configuration.base = BaseConfiguration(fingerprint: WeightFingerprint(base).description)
      trainer.base = (base, "base.safetensors")
      _ = try trainer.run()
      let result = try Checkpoint(contentsOf: "\(folder)/moco.safetensors").stateDict()
      #expect(Set(result.names) == Set(base.names))
      let unchanged = result.filter { $0.tensor.floats() == base[$0.name]?.floats() }.map(\.name)
      #expect(
        Set(unchanged) == ["head.weight", "head.bias", "patch_embed.proj.weight", "patch_embed.proj.bias"])
    }
  }

  /// As it is stored in checkpoints.
  @Test func configurationsAreStored() throws {
    let algorithms: [ObjectiveConfiguration.Algorithm] = [
      .mocov3(MoCoV3Configuration(variant: .light, temperature: 0.1, projector: [8, 4])),
      .mmcr(MMCRConfiguration(localWeight: 0.005, targetMomentum: 0.99, views: 4)),
      .lejepa(LeJEPAConfiguration(sigRegWeight: 0.02, slices: 256)),
    ]
    for algorithm in algorithms {
      let configuration = ObjectiveConfiguration(algorithm, headLearningRate: 1e-3)
      let data = try JSONEncoder().encode(configuration)
      #expect(try JSONDecoder().decode(ObjectiveConfiguration.self, from: data) == configuration)
    }
  }
}

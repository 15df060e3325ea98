import Foundation
import SoupCheckpoints
import SoupModels
import SoupTensors
import SoupTorch
import SoupTraining
import Testing

/// A file of `Tools/reference_mae.py`.
private struct MAERun: Decodable {
  struct Decoder: Decodable { let width, depth, heads: Int }
  struct Settings: Decodable {
    let maskRatio: Double
    let normPixels: Bool
  }
  let configuration: ModelConfiguration
  let decoder: Decoder
  let settings: Settings
  let batch, steps: Int
  let rate, decay: Double
  let losses: [Double]
  let visible: [[[Int]]]
  let gradients, state: [JointRun.Row]

  static func read(_ name: String) throws -> MAERun {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(MAERun.self, from: Data(contentsOf: fixture("training/\(name).json")))
  }

  func objective(_ model: any Model) throws -> MAE {
    try MAE(
      MAEConfiguration(
        maskRatio: settings.maskRatio, normalizedTargets: settings.normPixels, decoderDepth: decoder.depth,
        decoderWidth: decoder.width, decoderHeads: decoder.heads),
      for: model, generator: RandomGenerator(seed: 0), device: .cpu)
  }

  func images(_ step: Int) throws -> Tensor {
    let size = configuration.imageSize
    return try Tensor(
      HashedValues.values("step\(step).view0", shape: [batch, configuration.channels, size, size], scale: 1.75))
  }
}

private func model(_ text: String) throws -> any Model {
  try makeModel(ModelConfiguration(parsing: text), generator: RandomGenerator(seed: 1))
}

private func objective(_ settings: MAEConfiguration, _ model: any Model) throws -> any Objective {
  try ObjectiveConfiguration(.mae(settings)).make(for: model, generator: RandomGenerator(seed: 2), device: .cpu)
}

private let small = MAEConfiguration(decoderDepth: 1, decoderWidth: 16, decoderHeads: 2)

@Suite("MAE") struct MAETests {
  /// The published order of operations (masked tokens sorted back into the image) in PyTorch, in float64, with the same masks:
  /// gradients of the first step, ten losses, weights after ten steps of AdamW.
  @Test(arguments: ["mae", "mae-norm"]) func agreesWithPyTorch(_ name: String) throws {
    let run = try MAERun.read(name)
    let model = try makeModel(run.configuration, generator: RandomGenerator(seed: 0))
    let objective = try run.objective(model)
    for store in [model.store, objective.head] { try HashedValues.fill(store, fixedToo: false) }
    let optimizers = try [model.store, objective.head].map {
      try AdamW([ParameterGroup($0.parameters.filter { $0.tensor.requiresGradient })], weightDecay: run.decay)
    }
    func tensor(_ row: JointRun.Row) throws -> Tensor {
      try #require(model.store[row.name] ?? objective.head[row.name], "\(row.name)")
    }
    for step in 0..<run.steps {
      let mask = try PatchMask(patches: 9, visible: run.visible[step])
      let loss = try objective.loss(model, run.images(step), mask)
      #expect(try abs(loss.item() - run.losses[step]) < 1e-4 * run.losses[step], "step \(step)")
      try loss.backward()
      if step == 0 {
        #expect(run.gradients.count == 60)
        // A bias that all keys share cancels in the softmax: its gradient is rounding alone.
        for row in run.gradients where !row.name.hasSuffix("qkv.bias") {
          let gradient = try #require(tensor(row).gradient, "\(row.name) has no gradient")
          #expect(try row.deviation(of: gradient.host()) < 1e-4, "the gradient of \(row.name)")
        }
      }
      for optimizer in optimizers {
        try optimizer.step(learningRate: run.rate)
        optimizer.zeroGradients()
      }
    }
    for row in run.state where !row.name.hasSuffix("qkv.bias") {
      #expect(try row.deviation(of: tensor(row).host()) < 1e-4, "\(row.name)")
    }
  }

  /// A pre-training file as PyTorch users have it: no classifier, the decoder beside the encoder, all below "model".
  @Test func readsAPretrainingFile() throws {
    let dict = try Checkpoint(contentsOf: fixture("training/mae.pth").path).stateDict()
    let encoder = try StateDict(dict.filter { !MaskedDecoder.isName($0.name) }.map { ($0.name, $0.tensor) })
    let decoder = try StateDict(dict.filter { MaskedDecoder.isName($0.name) }.map { ($0.name, $0.tensor) })
    let configuration = try ModelConfiguration(inferring: encoder)
    #expect(configuration.classes == 0)
    #expect(configuration.transformer?.positions == .sinCos)
    let model = try makeModel(configuration, generator: RandomGenerator(seed: 0))
    try model.store.load(encoder)
    #expect(model.classifier == nil)

    let run = try MAERun.read("mae")
    let size = try MaskedDecoder.dimensions(of: decoder)
    #expect(size == (run.decoder.width, run.decoder.depth))
    let objective = try run.objective(model)
    try objective.head.load(decoder)
    let loss = try objective.loss(model, run.images(0), PatchMask(patches: 9, visible: run.visible[0]))
    #expect(try abs(loss.item() - run.losses[0]) < 1e-5 * run.losses[0])

    struct Features: Decodable { let features: [Double] }
    let expected = try JSONDecoder().decode(
      Features.self, from: Data(contentsOf: fixture("training/mae-features.json")))
    for found in [
      try model.features(run.images(0), training: false).host(),
      try model.inference(precision: .float32)(run.images(0)).host(),
    ] {
      #expect(found.shape == [5, 32])
      for (a, b) in zip(found.doubles(), expected.features) { #expect(abs(a - b) < 1e-4) }
    }
    #expect(throws: ModelError.self) { try model(run.images(0), training: false) }
  }

  /// Every image has its own mask of the right size; the two parts together are all patches; the stream alone decides.
  @Test func masks() throws {
    let random = CounterGenerator(seed: 4).derived("mask")
    let mask = try PatchMask(images: 40, patches: 16, keeping: 4, random: random)
    let visible = mask.visible.positions
    let hidden = mask.hidden.positions
    #expect(visible.count == 160 && hidden.count == 480)
    #expect(Set(visible).union(hidden) == Set(0..<640))
    for image in 0..<40 {
      #expect(visible[image * 4..<image * 4 + 4].allSatisfy { $0 / 16 == image })
      #expect(hidden[image * 12..<image * 12 + 12].allSatisfy { $0 / 16 == image })
    }
    let sets = Set((0..<40).map { image in Set(visible[image * 4..<image * 4 + 4].map { $0 % 16 }) })
    #expect(sets.count > 30)
    let again = try PatchMask(images: 40, patches: 16, keeping: 4, random: random)
    #expect(again.visible.positions == visible)
    let other = try PatchMask(images: 40, patches: 16, keeping: 4, random: CounterGenerator(seed: 5))
    #expect(other.visible.positions != visible)
  }

  @Test(arguments: [(0.75, 196, 49), (0.9, 196, 19), (0.75, 49, 12), (0.5, 9, 4)])
  func keepsAsManyPatchesAsPublished(ratio: Double, patches: Int, kept: Int) {
    #expect(MAEConfiguration(maskRatio: ratio).keptPatches(of: patches) == kept)
  }

  /// Where nothing was trained before: Xavier's bounds for every linear layer, zero biases, the fixed positions untouched.
  @Test func startsFromXavier() throws {
    let model = try model("vit:patch=4,dim=32,depth=1,heads=2,classes=3,channels=1,image=8,position=sincos")
    let before = try #require(model.store["pos_embed"]).host().floats()
    let head = try #require(model.store["head.weight"]).host().floats()
    try objective(small, model).initialize(model)
    let qkv = try #require(model.store["blocks.0.attn.qkv.weight"]).host().floats()
    let bound = Float((6.0 / Double(32 + 96)).squareRoot())
    #expect(qkv.allSatisfy { abs($0) <= bound } && (qkv.map(abs).max() ?? 0) > 0.95 * bound)
    #expect(try #require(model.store["patch_embed.proj.bias"]).host().floats().allSatisfy { $0 == 0 })
    #expect(try #require(model.store["pos_embed"]).host().floats() == before)
    #expect(try #require(model.store["head.weight"]).host().floats() == head)
  }

  @Test func needsAViT() throws {
    let error = try #require(throws: TrainingError.self) {
      try objective(small, model("resnet8:classes=3,channels=1,image=8"))
    }
    #expect(error.code == .badConfiguration)
    #expect(error.description.contains("ViT"))
  }

  @Test func leavesSomethingToSee() throws {
    var settings = small
    settings.maskRatio = 0.9
    let error = try #require(throws: TrainingError.self) {
      try objective(settings, model("vit:patch=4,dim=32,depth=1,heads=2,classes=3,channels=1,image=8"))
    }
    #expect(error.description.contains("of 4 patches"))
  }

  @Test func listsEverythingOutOfRange() throws {
    let settings = MAEConfiguration(maskRatio: 1.5, decoderDepth: 0, decoderWidth: 30, decoderHeads: 4)
    let configuration = try TrainingConfiguration(
      model: ModelConfiguration(parsing: "vit-tiny:patch=4,image=28"),
      data: DataConfiguration(dataset: "synthetic", checksum: "0"),
      objective: ObjectiveConfiguration(.mae(settings), headLearningRate: -1, headWarmup: 2), labelSmoothing: 0.1,
      keep: .best)
    let error = try #require(throws: TrainingError.self) { try configuration.validate() }
    for part in ["ratio", "depth", "heads", "multiple of 4", "rate", "warm-up", "smoothing", "best"] {
      #expect(error.description.contains(part), "\(part)")
    }
  }

  @Test func refusesAnEmptyBatchAndOtherImages() throws {
    let model = try model("vit:patch=4,dim=32,depth=1,heads=2,classes=3,channels=1,image=8")
    let objective = try objective(small, model)
    func batch(_ shape: [Int]) throws -> TrainingBatch {
      TrainingBatch(
        views: [try .zeros(shape: shape)], targets: try .zeros(shape: [shape[0]], dtype: .int64), indices: [], step: 0,
        totalSteps: 1, epoch: 0, totalEpochs: 1, random: CounterGenerator(seed: 0))
    }
    #expect(throws: TrainingError.self) { try objective.loss(model, batch([0, 1, 8, 8])) }
    #expect(throws: ModelError.self) { try objective.loss(model, batch([2, 1, 12, 12])) }
    #expect(throws: ModelError.self) { try objective.loss(model, batch([2, 3, 8, 8])) }
  }
}

extension HostTensor {
  fileprivate var positions: [Int] { doubles().map { Int($0) } }
}

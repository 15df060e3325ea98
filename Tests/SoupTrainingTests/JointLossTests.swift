import Foundation
import SoupModels
import SoupTensors
import SoupTorch
import SoupTraining
import Testing

/// Numbers that follow from the formulas by hand, in closed form.
@Suite("Losses of joint embeddings in closed form") struct JointLossTests {
  private func tensor(_ rows: [[Double]]) throws -> Tensor {
    try Tensor(HostTensor(floats: rows.flatMap { $0.map(Float.init) }, shape: [rows.count, rows[0].count]))
  }
  private func exact(_ values: [Double], shape: [Int]) throws -> Tensor {
    try Tensor(HostTensor(doubles: values, shape: shape))
  }

  private let queries = [[1, 0], [0, 1], [0.6, 0.8]]
  private let keys = [[0.8, 0.6], [0, 1], [1, 0]]

  @Test(arguments: [(0.1, 0.3967695017), (1.0, 1.9936280771)])
  func contrast(temperature: Double, expected: Double) throws {
    let loss = try MoCoV3.contrast(tensor(queries), tensor(keys), temperature: temperature).item()
    #expect(abs(loss - expected) < 1e-6)
  }

  /// Global .7542654942; local 1.7001448468, and √(1 + c) + √(1 − c) for each pair.
  @Test func manifoldCapacity() throws {
    let (first, second) = (try tensor(queries), try tensor(keys))
    #expect(abs(try MMCR.lightLoss(first, second, localWeight: 0).item() + 0.7542654942) < 1e-6)
    let both = try MMCR.lightLoss(first, second, localWeight: 1).item()
    #expect(abs(both - (1.7001448468 - 0.7542654942)) < 1e-6)
    let norms = try MMCR.pairNorms(first, second).host().doubles()
    for (found, cosine) in zip(norms, [0.8, 1, 0.6]) {
      #expect(abs(found - ((1 + cosine).squareRoot() + (1 - cosine).squareRoot())) < 1e-6)
    }
    // The original does not divide by the batch, and the same vectors give its two terms.
    #expect(abs(try MMCR.loss([first, second], localWeight: 0).item() + 3 * 0.7542654942) < 3e-6)
    let general = try Tensor.stacked([first, second]).permute([1, 2, 0]).nuclearNorm().mean().item()
    #expect(abs(general - 1.7001448468) < 1e-6)
  }

  @Test(arguments: [
    ([0, 0, 0, 0], 1.6081903189), ([1, 1, 1, 1], 4.7440232221), ([-1, 0, 1, 2], 0.5581903499), ([-1, 1], 0.2056592319),
  ])
  func eppsPulley(values: [Double], expected: Double) throws {
    #expect(abs(try exact(values, shape: [1, values.count, 1]).eppsPulley().item() - expected) < 1e-6)
    let single = try Tensor(HostTensor(floats: values.map(Float.init), shape: [1, values.count, 1]))
    #expect(abs(try single.eppsPulley().item() / expected - 1) < 1e-6)
  }

  /// From μ₀ to 1 by half a cosine, t in fractions of an epoch.
  @Test func momentumSchedule() {
    for (epoch, expected) in [(0, 0.99), (2.5, 0.9914644660940673), (5, 0.995), (7.5, 0.9985355339059327), (10, 1)] {
      #expect(abs(MoCoV3.momentum(0.99, epoch: epoch, totalEpochs: 10) - expected) < 1e-12)
    }
  }

  // MARK: Laws

  /// N numbers of N(0, 1) give Σ w φ (1 − φ²) = 1.0525 on average: |φ̂ − φ|² is (1 − φ²)/N.
  @Test func normalNumbersPass() throws {
    let draws = try Tensor.normal(shape: [4, 300, 1000], generator: RandomGenerator(seed: 3))
    #expect(abs(try draws.eppsPulley().item() - 1.0525) < 0.03)
    let uniform = try Tensor.uniform(shape: [4, 300, 1000], low: -1.7, high: 1.7, generator: RandomGenerator(seed: 3))
    #expect(try uniform.eppsPulley().item() > 1.2)
    #expect(try (draws * 2).eppsPulley().item() > 10)
  }

  /// Its value does not depend on how slices fall into blocks, and its gradient is that of finite differences.
  @Test func eppsPulleySlices() throws {
    let values = try HashedValues.values("slices", shape: [2, 9, 131], scale: 2).doubles()
    let whole = try exact(values, shape: [2, 9, 131])
    let parts = try (0..<131).map { try whole.narrow(2, start: $0, length: 1).eppsPulley().item() }
    #expect(abs(try whole.eppsPulley().item() - parts.reduce(0, +) / 131) < 1e-12)
    try whole.requireGradient()
    try whole.eppsPulley().backward()
    try expectGradient(of: whole, values, places: [0, 130, 131 * 9 - 1, 131 * 12 + 64]) { try $0.eppsPulley() }
  }

  @Test func nuclearNormGradient() throws {
    for shape in [[4, 7], [7, 4], [5, 5]] {
      let values = try HashedValues.values("nuclear\(shape)", shape: shape, scale: 1).doubles()
      let x = try exact(values, shape: shape).requireGradient()
      let norm = try x.nuclearNorm()
      try norm.backward()
      try expectGradient(of: x, values, places: [0, 5, 11, shape[0] * shape[1] - 1]) { try $0.nuclearNorm() }
    }
  }

  private func expectGradient(
    of x: Tensor, _ values: [Double], places: [Int], _ loss: (Tensor) throws -> Tensor
  ) throws {
    let gradient = try #require(x.gradient).host().doubles()
    for place in places {
      let ends = try [1e-5, -1e-5].map { step in
        var moved = values
        moved[place] += step
        return try loss(exact(moved, shape: x.shape)).item()
      }
      #expect(abs((ends[0] - ends[1]) / 2e-5 - gradient[place]) < 1e-7)
    }
  }

  /// Equal rows have one singular value; the others are rounding, and take no part in the gradient.
  @Test func nuclearNormOfEqualRows() throws {
    let x = try Tensor([Float](repeating: 0.25, count: 48), shape: [6, 8]).requireGradient()
    let norm = try x.nuclearNorm()
    #expect(abs(try norm.item() - 0.25 * 48.0.squareRoot()) < 1e-6)
    try norm.backward()
    let gradient = try #require(x.gradient).host().doubles()
    #expect(gradient.allSatisfy { abs($0 - 1 / 48.0.squareRoot()) < 1e-6 })
  }

  /// At c = ±1 one of the two singular values is 0; the gradient stays finite.
  @Test func pairsThatCoincide() throws {
    for sign in [1.0, -1] {
      let x = try tensor(queries).requireGradient()
      let loss = try MMCR.pairNorms(x.normalized(), tensor(queries) * sign).mean()
      #expect(abs(try loss.item() - 2.0.squareRoot()) < 1e-6)
      try loss.backward()
      #expect(try #require(x.gradient).host().doubles().allSatisfy { $0.isFinite && abs($0) <= 1 })
    }
  }
}

/// What the objectives do with data that cannot teach them.
@Suite("Objectives of joint embeddings on bad data") struct JointBadDataTests {
  private func objectives(_ model: any Model) throws -> [any Objective] {
    let generator = try RandomGenerator(seed: 1)
    return [
      try MoCoV3(MoCoV3Configuration(projector: [16, 8], predictor: [16, 8]), model: model, generator: generator),
      try MoCoV3(MoCoV3Configuration(variant: .light), model: model, generator: generator),
      try MMCR(
        MMCRConfiguration(localWeight: 0.1, targetMomentum: 0.99, projector: [16, 8]), model: model,
        generator: generator),
      try MMCR(MMCRConfiguration(variant: .light, localWeight: 1), model: model, generator: generator),
      try LeJEPA(
        LeJEPAConfiguration(slices: 32, globalViews: 2, localViews: 1, projector: [16, 8]), model: model,
        generator: generator),
    ]
  }

  private func batch(_ images: Tensor, views: Int) throws -> TrainingBatch {
    TrainingBatch(
      views: Array(repeating: images, count: views),
      targets: try .zeros(shape: [images.shape[0]], dtype: .int64), indices: Array(0..<images.shape[0]), step: 0,
      totalSteps: 10, epoch: 0, totalEpochs: 1, random: CounterGenerator(seed: 1))
  }

  /// All images alike: every feature is the same. Losses and gradients are finite, in float32 and in bfloat16.
  @Test(arguments: [
    "resnet8:classes=3,channels=1,image=8", "vit:patch=4,dim=16,depth=2,heads=2,classes=3,channels=1,image=8",
  ])
  func constantImages(_ name: String) throws {
    for precision in Precision.allCases {
      let model = try makeModel(ModelConfiguration(parsing: name), generator: RandomGenerator(seed: 0))
      for objective in try objectives(model) {
        let images = try Tensor.full(0.5, shape: [6, 1, 8, 8])
        let loss = try withAutocast(precision) { try objective.loss(model, batch(images, views: objective.views)) }
        #expect(try loss.item().isFinite)
        try loss.backward()
        for (name, tensor) in model.store.parameters + objective.head.parameters {
          guard let gradient = tensor.gradient else { continue }
          #expect(try gradient.host().doubles().allSatisfy { $0.isFinite }, "\(type(of: objective)): \(name)")
          tensor.clearGradient()
        }
      }
    }
  }

  @Test func oneImageIsTooFew() throws {
    let model = try makeModel(
      ModelConfiguration(parsing: "vit:patch=4,dim=16,depth=1,heads=2,classes=3,channels=1,image=8"),
      generator: RandomGenerator(seed: 0))
    for objective in try objectives(model) {
      let error = #expect(throws: TrainingError.self) {
        try objective.loss(model, batch(.zeros(shape: [1, 1, 8, 8]), views: objective.views))
      }
      #expect(error?.description.contains("--batch-size") ?? false)
    }
  }

  @Test func settingsOutOfRange() {
    #expect(MoCoV3Configuration(temperature: 0, targetMomentum: 2, projector: []).problems.count == 3)
    #expect(MMCRConfiguration(variant: .light, localWeight: -1, targetMomentum: 0.9, views: 3).problems.count == 3)
    #expect(
      LeJEPAConfiguration(sigRegWeight: 2, slices: 0, knots: 1, globalViews: 0, localViews: 1).problems.count == 4)
    #expect(MoCoV3Configuration().problems.isEmpty && MMCRConfiguration().problems.isEmpty)
    #expect(LeJEPAConfiguration().problems.isEmpty)
  }

  /// The patch projection of a ViT stays where it was, unless asked otherwise.
  @Test func freezesThePatchProjection() throws {
    for freezes in [true, false] {
      let model = try makeModel(
        ModelConfiguration(parsing: "vit:patch=4,dim=16,depth=1,heads=2,classes=3,channels=1,image=8"),
        generator: RandomGenerator(seed: 0))
      let objective = try MoCoV3(
        MoCoV3Configuration(projector: [8], predictor: [8], freezesPatchProjection: freezes), model: model,
        generator: RandomGenerator(seed: 0))
      #expect(model.store["patch_embed.proj.weight"]?.requiresGradient == !freezes)
      // Drawn anew nevertheless where there is no base: Xavier's bound, and a copy that starts equal.
      try objective.initialize(model)
      let drawn = try #require(model.store["patch_embed.proj.weight"]).host().floats()
      let bound = Float((6.0 / (16 + 16)).squareRoot())
      #expect(drawn.allSatisfy { abs($0) <= bound } && drawn.contains { abs($0) > bound * 0.9 })
      #expect(try objective.state()["model.patch_embed.proj.weight"]?.floats() == drawn)
    }
  }
}

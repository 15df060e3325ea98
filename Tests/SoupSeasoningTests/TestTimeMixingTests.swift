import SoupData
import SoupMixing
import SoupModels
import SoupSeasoning
import SoupTensors
import SoupTorch
import Testing

@Suite(.serialized) struct TestTimeMixingTests {
  private let folder: TemporaryFolder
  private let paths: [String]

  init() throws {
    folder = try TemporaryFolder()
    paths = try writeTinyIngredients(3, to: folder)
  }

  private func batch(_ seed: UInt64, count: Int = 30) throws -> Tensor {
    let batch = try #require(
      try DataLoader(tinyImages(count: count, seed: seed), batchSize: count).batches(epoch: 0).next())
    return try Tensor(batch.images)
  }

  private func mixer(_ configuration: TestTimeMixing = TestTimeMixing()) throws -> TestTimeMixer {
    try TestTimeMixer(paths, model: tinyModel(), configuration: configuration)
  }

  /// A batch's prediction is that of the mixture it reports, and the entropy of its images is lower than under the uniform soup.
  @Test func predictsWithTheMixtureItFound() throws {
    let objective = NeighbourEntropy(neighbours: 8)
    let images = try batch(1)
    let found = try mixer(TestTimeMixing(objective: objective, steps: 10))(images)
    #expect(Set(found.weights).count == 3)
    let model = try tinyModel()
    func entropy(_ weights: [Double]) throws -> Double {
      try model.store.load(Mixer().mix(.weighted(zip(paths, weights).map { ($0, $1) }, normalize: false)))
      return try withoutGradients { try objective(model.features(images, training: false)).item() }
    }
    let third = 1.0 / 3
    #expect(try entropy(found.weights) < entropy([third, third, third]))
    _ = try entropy(found.weights)
    let logits = try withoutGradients { try model(images, training: false).host().floats() }
    for (a, b) in zip(found.logits.floats(), logits) { #expect(abs(a - b) < 1e-4) }
  }

  /// Batches stand for themselves, unless they are a stream.
  @Test func batchesAreIndependentUnlessCarriedOver() throws {
    let (first, second) = (try batch(1), try batch(2))
    let alone = try mixer()(second).weights
    let apart = try mixer()
    _ = try apart(first)
    #expect(try apart(second).weights == alone)
    let stream = try mixer(TestTimeMixing(carriesOver: true))
    _ = try stream(first)
    #expect(try stream(second).weights != alone)
    stream.reset()
    #expect(try stream(second).weights == alone)
  }

  /// Batches that are too small to have neighbours, and images that are all alike, are predicted by the uniform soup.
  @Test func keepsTheUniformSoupWhereNothingCanBeLearnt() throws {
    let two = try batch(1).narrow(0, start: 0, length: 2)
    let same = try batch(1).narrow(0, start: 0, length: 1).expand([20, 1, 8, 8]).contiguous()
    for images in [two, same] {
      let weights = try mixer()(images).weights
      let third = 1.0 / 3
      for weight in weights { #expect(abs(weight - third) < 1e-12) }
    }
    let few = try mixer()(batch(1, count: 6)).weights
    #expect(Set(few).count == 3)
  }

  /// Logits come back in the order of the data set, whatever the order of the stream.
  @Test func aStreamKeepsTheOrderOfItsImages() throws {
    let images = try tinyImages(count: 50)
    // A rate too small to move anything.
    let still = TestTimeMixing(steps: 1, learningRate: 1e-12)
    let stream = try mixer(still).predict(images, batchSize: 20)
    #expect(stream.weights.count == 3)
    let model = try tinyModel()
    try model.store.load(Mixer().mix(.uniform(paths)))
    let batch = try #require(try DataLoader(images, batchSize: 50).batches(epoch: 0).next())
    let expected = try withoutGradients { try model(Tensor(batch.images), training: false).host().floats() }
    for (a, b) in zip(stream.logits.floats(), expected) { #expect(abs(a - b) < 1e-4) }
  }

  @Test func refusesSettingsOutOfRange() throws {
    for configuration in [
      TestTimeMixing(steps: 0), TestTimeMixing(learningRate: 0),
      TestTimeMixing(objective: NeighbourEntropy(neighbours: 1)),
    ] {
      let error = #expect(throws: SeasoningError.self) { _ = try mixer(configuration) }
      #expect(error?.code == .badConfiguration)
    }
  }
}

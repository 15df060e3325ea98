import Foundation
import SoupCheckpoints
import SoupData
import SoupEvaluation
import SoupMixing
import SoupModels
import SoupTensors
import SoupTorch
import Testing

@Suite(.serialized) struct NeighbourTests {
  /// The nearest rows and their products, against a sort of all of them; sizes cross the tiles of every loop.
  @Test(arguments: [(1, 5, 3, 1), (3, 40, 7, 40), (130, 2100, 4, 20)])
  func nearestIsTheTopOfASort(_ shape: (queries: Int, bank: Int, width: Int, k: Int)) throws {
    var random = CounterGenerator(seed: 3)
    // Few different values, so that there are ties: the earlier row comes first.
    func table(_ rows: Int) -> [[Float]] {
      (0..<rows).map { _ in (0..<shape.width).map { _ in Float((random.uniform() * 5).rounded() - 2) } }
    }
    let (queries, bank) = (table(shape.queries), table(shape.bank))
    let found = try tensor(queries).nearest(shape.k, in: tensor(bank))
    let values = try found.values.host().floats()
    let places = try found.indices.host().withUnsafeBytes { Array($0.bindMemory(to: Int64.self)) }
    for (row, query) in queries.enumerated() where row % 43 == 0 {
      let products = bank.map { (row: [Float]) -> Float in zip(row, query).reduce(0) { $0 + $1.0 * $1.1 } }
      let sorted = products.indices.sorted { a, b in
        products[a] != products[b] ? products[a] > products[b] : a < b
      }
      let order = sorted.prefix(shape.k)
      let own = row * shape.k..<(row + 1) * shape.k
      let (nearest, largest) = (order.map(Int64.init), order.map { products[$0] })
      #expect(Array(places[own]) == nearest)
      #expect(Array(values[own]) == largest)
    }
  }

  @Test func nearestLeavesOutWhatIsNoNumber() throws {
    let bank = try tensor([[1], [.nan], [3]])
    let found = try tensor([[1], [.nan]]).nearest(3, in: bank)
    let places = try found.indices.host().withUnsafeBytes { Array($0.bindMemory(to: Int64.self)) }
    #expect(places == [2, 0, -1, -1, -1, -1])
    #expect(try found.values.host().floats()[2] == -.infinity)
    #expect(throws: TorchError.self) { _ = try bank.nearest(4, in: bank) }
  }

  /// Shares of the vote as NumPy gives them.
  @Test func votesAgreeWithNumPy() throws {
    let fixture = try FeatureFixture.load().neighbours
    for expected in fixture.cases {
      let bank = try NeighbourBank(
        features: tensor(fixture.bank), labels: fixture.labels, classes: 4,
        vote: NeighbourVote(neighbours: expected.k, temperature: expected.temperature))
      let found = try bank(tensor(fixture.queries)).floats()
      for (row, shares) in expected.shares.enumerated() {
        let own = found[row * 4..<row * 4 + 4]
        for (value, share) in zip(own, shares) { #expect(abs(exp(Double(value)) - share) < 2e-5) }
        let highest = own.max() ?? .nan
        #expect(Array(own).firstIndex(of: highest) == expected.classes[row])
      }
    }
  }

  /// Lengths of features take no part, and a small temperature overflows nothing.
  @Test func onlyDirectionsCount() throws {
    let fixture = try FeatureFixture.load().neighbours
    let bankOfLengths = fixture.bank.enumerated().map { index, row in
      let length = Float(index % 7 + 1)
      return row.map { $0 * length }
    }
    func shares(_ scale: Float, temperature: Double) throws -> [Float] {
      let bank = try NeighbourBank(
        features: tensor(bankOfLengths),
        labels: fixture.labels, classes: 4, vote: NeighbourVote(neighbours: 5, temperature: temperature))
      return try bank(tensor(fixture.queries.map { $0.map { $0 * scale } })).floats()
    }
    for (a, b) in zip(try shares(1, temperature: 0.07), try shares(100, temperature: 0.07)) {
      #expect(abs(a - b) < 1e-4)
    }
    #expect(try shares(1, temperature: 1e-6).allSatisfy(\.isFinite))
  }

  @Test func refusesBanksThatCannotTell() throws {
    let fixture = try FeatureFixture.load().neighbours
    let features = try tensor(fixture.bank)
    func error(_ labels: [Int], _ vote: NeighbourVote) -> EvaluationError? {
      #expect(throws: EvaluationError.self) {
        _ = try NeighbourBank(features: features, labels: labels, classes: 4, vote: vote)
      }
    }
    let tooMany = error(fixture.labels, NeighbourVote(neighbours: 61))
    #expect(tooMany?.description.contains("61 nearest neighbours of 60 images") ?? false)
    let oneClass = error(fixture.labels.map { _ in 2 }, NeighbourVote())
    #expect(oneClass?.description.contains("of class 2") ?? false)
    _ = error(fixture.labels, NeighbourVote(temperature: 0))
  }

  /// Features that are the same for all are found out, and their votes are numbers; features that are not finite have none.
  @Test func constantAndBrokenFeatures() throws {
    let labels = (0..<30).map { $0 % 3 }
    for value: Float in [1, 0] {
      let constant = try NeighbourBank(
        features: .full(Double(value), shape: [30, 4]), labels: labels, classes: 3, vote: NeighbourVote())
      #expect(try constant.isConstant)
      #expect(try constant(.full(Double(value), shape: [2, 4])).floats().allSatisfy(\.isFinite))
    }
    let fixture = try FeatureFixture.load().neighbours
    let bank = try NeighbourBank(features: tensor(fixture.bank), labels: fixture.labels, classes: 4)
    #expect(try !bank.isConstant)
    #expect(try bank(.full(.nan, shape: [1, 8])).floats().allSatisfy(\.isNaN))
  }

  /// A network that asks neighbours is scored like any other, its classifier has no say, and it follows the weights.
  @Test func aNetworkOfNeighboursIsScoredLikeAnyOther() throws {
    let images = try quadrants(count: 90, seed: 1)
    let test = try quadrants(count: 45, seed: 2)
    let model = try makeModel(
      ModelConfiguration(parsing: "resnet8:classes=7,channels=1,image=8"), generator: RandomGenerator(seed: 1))
    let network = try NeighbourNetwork(
      model, bank: FeatureExtractor(images, batchSize: 32), vote: NeighbourVote(neighbours: 5))
    var constant = 0
    network.foundConstantFeatures = { constant += 1 }
    let score = try Evaluator(test, batchSize: 20).score(network)
    // By hand: all features, all cosines, the five largest.
    let bank = try NeighbourBank(
      features: FeatureExtractor(images)(model), labels: images.labels, classes: 3, vote: NeighbourVote(neighbours: 5))
    let expected = try Score(logits: bank(FeatureExtractor(test)(model)), labels: test.labels)
    #expect(score.top1 == expected.top1)
    #expect(score.top1 > 0.8)
    #expect(abs(score.loss - expected.loss) < 1e-4)
    #expect(constant == 0)
    for (_, tensor) in model.store.parameters {
      try tensor.copy(from: HostTensor(floats: Array(repeating: 0, count: tensor.count), shape: tensor.shape))
    }
    _ = try Evaluator(test, batchSize: 20).score(network)
    #expect(constant == 1)
  }

  @Test func everyVersionOfAShiftIsAskedOfTheSameBank() throws {
    let images = try quadrants(count: 60, seed: 1)
    let test = try quadrants(count: 20, seed: 2)
    let folder = NSTemporaryDirectory() + "soup-knn-\(UUID().uuidString).safetensors"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = try makeModel(
      ModelConfiguration(parsing: "resnet8:classes=3,channels=1,image=8"), generator: RandomGenerator(seed: 1))
    try CheckpointWriter.write(model.store.stateDict(), to: folder)
    let network = try NeighbourNetwork(model, bank: FeatureExtractor(images), vote: NeighbourVote(neighbours: 5))
    let scorer = RecipeScorer(model: network, evaluator: try Evaluator(test))
    let shift = try ShiftedImages(test, suite: .cifarC, kinds: [.brightness], severities: [1, 3])
    let found = try scorer.outcomes(of: [.uniform([folder])], under: shift)[0]
    for version in shift.versions.indices {
      let alone = try Evaluator(shift.images(of: version)).logits(of: network)
      #expect(try shift.outcomes(alone).correct == found.versions[version].correct)
    }
  }

  @Test func aScriptHasNoFeatures() throws {
    let error = #expect(throws: ModelError.self) { _ = try NoFeatures().encoder() }
    #expect(error?.code == .noFeatures)
  }
}

/// Three kinds of images that differ in where they are bright.
func quadrants(count: Int, size: Int = 8, seed: UInt64) throws -> MemoryDataset {
  var random = CounterGenerator(seed: seed)
  let pixels = HostStorage(count: count * size * size) { bytes in
    for image in 0..<count {
      for row in 0..<size {
        for column in 0..<size {
          let bright = image % 3 == 0 ? row < size / 2 : image % 3 == 1 ? row >= size / 2 : column < size / 2
          bytes[(image * size + row) * size + column] = UInt8(random.uniform() * 60) + (bright ? 150 : 0)
        }
      }
    }
  }
  return try MemoryDataset(
    name: "quadrants", classNames: ["above", "below", "left"], channels: 1, height: size, width: size, pixels: pixels,
    labels: (0..<count).map { $0 % 3 })
}

/// A network that only gives logits.
private final class NoFeatures: Network {
  let store: ParameterStore
  let batchNorms: [BatchNorm2d] = []
  init() throws { store = ParameterStore(generator: try RandomGenerator(seed: 0)) }
  func callAsFunction(_ images: Tensor, training: Bool) throws -> Tensor { images }
  func inference(precision: Precision, batchSize: Int) throws -> any InferenceModel { throw SoupTestFailure() }
  func problems(channels: Int, classes: Int) -> [String] { [] }
}

private struct SoupTestFailure: Error {}

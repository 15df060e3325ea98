import Foundation
import SoupAnalysis
import SoupCheckpoints
import SoupData
import SoupEvaluation
import SoupMixing
import SoupModels
import SoupTensors
import SoupTorch
import Testing

/// Bright above, below or nowhere, under noise: corruptions change what an untrained model says.
private func images(_ count: Int = 50, size: Int = 16, channels: Int = 1) throws -> MemoryDataset {
  var random = CounterGenerator(seed: 3)
  let pixels = HostStorage(count: count * size * size * channels) { bytes in
    for index in bytes.indices { bytes[index] = UInt8(random.uniform() * 256) }
  }
  return try MemoryDataset(
    name: "noise", classNames: ["a", "b", "c"], channels: channels, height: size, width: size, pixels: pixels,
    labels: (0..<count).map { $0 * 7 % 3 })
}

/// Of every image, its class and the next one count as right.
private struct SeveralTargets: ImageDataset {
  let base: MemoryDataset
  var name: String { base.name }
  var count: Int { base.count }
  var classNames: [String] { base.classNames }
  var channels: Int { base.channels }
  var height: Int { base.height }
  var width: Int { base.width }
  var normalization: Normalization { base.normalization }
  func label(at index: Int) -> Int { base.label(at: index) }
  func targets(at index: Int) -> [Int] { [label(at: index), (label(at: index) + 1) % classCount] }
  func copyPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
    try base.copyPixels(at: index, into: pixels)
  }
}

/// Three checkpoints and a scorer of them.
private final class Kitchen {
  let folder: String
  let recipes: [Recipe]
  let data: MemoryDataset

  init(_ data: MemoryDataset) throws {
    self.data = data
    folder = NSTemporaryDirectory() + "shift-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var paths: [String] = []
    for seed in 1...3 {
      paths.append("\(folder)/\(seed).safetensors")
      try CheckpointWriter.write(Self.model(seed).store.stateDict(), to: paths.last!)
    }
    recipes = paths.map { Recipe.uniform([$0]) } + [.uniform(paths)]
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  static func model(_ seed: Int = 9) throws -> any Model {
    try makeModel(
      ModelConfiguration(parsing: "resnet8:classes=3,channels=1,image=16"),
      generator: RandomGenerator(seed: UInt64(seed)), device: .cpu)
  }

  func scorer(_ data: (any ImageDataset)? = nil) throws -> RecipeScorer {
    RecipeScorer(model: try Self.model(), evaluator: try Evaluator(data ?? self.data))
  }
}

private func expectSame(_ a: SampleOutcomes, _ b: SampleOutcomes) {
  #expect(a.correct == b.correct)
  #expect(zip(a.losses, b.losses).allSatisfy { abs($0 - $1) < 1e-4 } && a.losses.count == b.losses.count)
  #expect(a.score.top1 == b.score.top1 && a.score.count == b.score.count)
  #expect(abs(a.score.loss - b.score.loss) < 1e-5)
}

@Suite(.serialized) struct ShiftTests {
  /// One pass over everything says what evaluating each model on each corrupted data set by itself says.
  @Test func onePassIsAllEvaluations() throws {
    let kitchen = try Kitchen(images())
    let shift = try ShiftedImages(
      kitchen.data, suite: .cifarC, kinds: [.contrast, .gaussianNoise, .fog], severities: [5, 2], seed: 7)
    #expect(
      shift.versions.map { "\($0.name) \($0.severity)" } == [
        "clean 0", "gaussian_noise 2", "gaussian_noise 5", "fog 2", "fog 5", "contrast 2", "contrast 5",
      ])
    #expect(shift.corruptions == ["gaussian_noise", "fog", "contrast"])
    let groups = [EnsembleMembers([0, 2]), EnsembleMembers([0, 1, 2], by: .probabilities)]
    let found = try kitchen.scorer().outcomes(
      of: kitchen.recipes, ensembles: groups, under: shift, pass: ShiftPass(batchSize: 16, threads: 2))
    #expect(found.count == 6)
    for (index, version) in shift.versions.enumerated() {
      let data: any ImageDataset =
        version.isClean
        ? kitchen.data
        : try CorruptedDataset(
          base: kitchen.data,
          corruption: Corruption(try #require(CorruptionKind(rawValue: version.name)), severity: version.severity),
          seed: 7)
      let scorer = try kitchen.scorer(data)
      for (row, recipe) in kitchen.recipes.enumerated() {
        expectSame(found[row].versions[index], try scorer.outcomes(recipe))
      }
      for (row, group) in groups.enumerated() {
        expectSame(
          found[4 + row].versions[index],
          try scorer.ensemble(group.members.map { kitchen.recipes[$0] }, by: group.method))
      }
    }
  }

  /// Any of several labels counts, in one pass as in an evaluation of its own.
  @Test func severalTargetsCountUnderAShift() throws {
    let kitchen = try Kitchen(images())
    let data = SeveralTargets(base: kitchen.data)
    let shift = try ShiftedImages(data, suite: .cifarC, kinds: [.contrast], severities: [3], seed: 7)
    let found = try kitchen.scorer().outcomes(of: [kitchen.recipes[0]], under: shift)
    let corrupted = try CorruptedDataset(base: data, corruption: Corruption(.contrast, severity: 3), seed: 7)
    expectSame(found[0].versions[0], try kitchen.scorer(data).outcomes(kitchen.recipes[0]))
    expectSame(found[0].versions[1], try kitchen.scorer(corrupted).outcomes(kitchen.recipes[0]))
    let single = try ShiftedImages(kitchen.data, suite: .cifarC, kinds: [.contrast], severities: [3], seed: 7)
    let strict = try kitchen.scorer().outcomes(of: [kitchen.recipes[0]], under: single)
    #expect(found[0].versions[1].score.top1 > strict[0].versions[1].score.top1)
  }

  /// Neither threads nor batches nor memory, down to one image and one model at a time, change a result.
  @Test(arguments: [
    ShiftPass(batchSize: 7, threads: 3), ShiftPass(batchSize: 50, threads: 0),
    ShiftPass(batchSize: 8, threads: 1, imageMemory: 11 * 256, batchMemory: 1 << 16, modelMemory: 0),
    ShiftPass(batchSize: 4, threads: 2, imageMemory: 1, batchMemory: 1, modelMemory: 0),
  ])
  func resourcesChangeNothing(pass: ShiftPass) throws {
    let kitchen = try Kitchen(images())
    let shift = try ShiftedImages(kitchen.data, suite: .cifarC, kinds: [.shotNoise, .snow], severities: [3])
    let groups = [EnsembleMembers([0, 1])]
    let whole = try kitchen.scorer().outcomes(of: kitchen.recipes, ensembles: groups, under: shift)
    var done = 0
    let other = try kitchen.scorer().outcomes(of: kitchen.recipes, ensembles: groups, under: shift, pass: pass) {
      done = $0
    }
    for (a, b) in zip(whole, other) { for (x, y) in zip(a.versions, b.versions) { expectSame(x, y) } }
    #expect(done == kitchen.recipes.count * shift.versions.count * shift.count)
  }

  /// Statistics that were recomputed for a soup are its own also where models are loaded again and again.
  @Test func recomputedStatisticsSurviveReloading() throws {
    let kitchen = try Kitchen(images())
    let shift = try ShiftedImages(kitchen.data, suite: .cifarC, kinds: [.contrast], severities: [1])
    func outcomes(_ pass: ShiftPass) throws -> [ShiftOutcomes] {
      let scorer = RecipeScorer(
        model: try Kitchen.model(), evaluator: try Evaluator(kitchen.data),
        recalibration: try BatchNormRecalibration(kitchen.data, batchSize: 25))
      return try scorer.outcomes(of: kitchen.recipes, under: shift, pass: pass)
    }
    let whole = try outcomes(ShiftPass())
    let parts = try outcomes(ShiftPass(batchSize: 10, imageMemory: 20 * 256, batchMemory: 1, modelMemory: 0))
    for (a, b) in zip(whole, parts) { for (x, y) in zip(a.versions, b.versions) { expectSame(x, y) } }
    let averaged = try kitchen.scorer().outcomes(of: kitchen.recipes, under: shift)
    #expect(averaged[3].versions[0].losses != whole[3].versions[0].losses)
    expectSame(averaged[0].versions[0], whole[0].versions[0])
  }

  /// Fewer images are spread over the set, and each is what it was among all.
  @Test func fewerImagesAreTheSameImages() throws {
    let kitchen = try Kitchen(images())
    let all = try ShiftedImages(kitchen.data, suite: .cifarC, kinds: [.impulseNoise], severities: [4])
    let some = try ShiftedImages(kitchen.data, suite: .cifarC, kinds: [.impulseNoise], severities: [4], images: 5)
    #expect(some.positions == [0, 10, 20, 30, 40])
    #expect(some.labels == some.positions.map(kitchen.data.label(at:)))
    let whole = try kitchen.scorer().outcomes(of: [kitchen.recipes[0]], under: all)[0].versions[1]
    let part = try kitchen.scorer().outcomes(of: [kitchen.recipes[0]], under: some)[0].versions[1]
    #expect(zip(some.positions, part.losses).allSatisfy { abs(whole.losses[$0] - $1) < 1e-4 })
  }

  /// The mean over versions of each image's results has the mean accuracy as its mean.
  @Test func fractionsAddUp() throws {
    let kitchen = try Kitchen(images())
    let shift = try ShiftedImages(kitchen.data, suite: .laionC, kinds: [.glitched, .stickers], severities: [1, 5])
    let outcome = try kitchen.scorer().outcomes(of: [kitchen.recipes[1]], under: shift)[0]
    let fractions = outcome.fractionRight(of: shift.shifted)
    #expect(abs(fractions.reduce(0, +) / 50 - outcome.meanAccuracy(of: shift.shifted)) < 1e-12)
    #expect(fractions.allSatisfy { [0, 0.25, 0.5, 0.75, 1].contains($0) })
    #expect(shift.versions(of: "stickers").map { shift.versions[$0].severity } == [1, 5])
  }

  @Test func impossibleShiftsAreRefused() throws {
    let data = try images()
    #expect(throws: DataError.self) { try ShiftedImages(data, suite: .imagenetC, kinds: [.saturate]) }
    #expect(throws: DataError.self) { try ShiftedImages(data, suite: .imagenetC, severities: [6]) }
    #expect(throws: DataError.self) { try ShiftedImages(images(channels: 2), suite: .cifarC) }
    #expect(throws: EvaluationError.self) { try ShiftedImages(data, suite: .cifarC, images: 0) }
    let other = try Subset(of: data, indices: (0..<50).reversed())
    let mine = try ShiftedImages(name: "mine", stored: [("fog", 1, { data }), ("snow", 1, { other })])
    let mixed = #expect(throws: EvaluationError.self) {
      let kitchen = try Kitchen(data)
      _ = try kitchen.scorer().outcomes(of: kitchen.recipes, under: mine)
    }
    #expect(mixed?.description.contains("same images") ?? false)
    let wide = try ShiftedImages(images(channels: 3), suite: .cifarC)
    let error = #expect(throws: EvaluationError.self) {
      let kitchen = try Kitchen(data)
      _ = try kitchen.scorer().outcomes(of: kitchen.recipes, under: wide)
    }
    #expect(error?.description.contains("channels") ?? false)
  }

  /// Versions that lie on disk are read as they are.
  @Test func storedVersionsAreRead() throws {
    let kitchen = try Kitchen(images())
    let fog = try CorruptedDataset(base: kitchen.data, corruption: Corruption(.fog, severity: 3))
    let clean = kitchen.data
    let shift = try ShiftedImages(name: "stored", stored: [("fog", 3, { fog }), ("none", 1, { clean })])
    let outcome = try kitchen.scorer().outcomes(of: [kitchen.recipes[0]], under: shift)[0]
    expectSame(outcome.versions[0], try kitchen.scorer(fog).outcomes(kitchen.recipes[0]))
    expectSame(outcome.versions[1], try kitchen.scorer().outcomes(kitchen.recipes[0]))
    #expect(shift.shifted == [0, 1] && shift.corruptions == ["fog", "none"])
  }
}

@Suite(.serialized) struct SuperClassShiftTests {
  /// A superclass is as likely as the mean of its members, worked out from the model's own logits.
  @Test func aLargeGroupGainsNothing() throws {
    let kitchen = try Kitchen(images(30))
    let groups = try SuperClasses([("first", [0]), ("others", [1, 2])], classCount: 3)
    let shift = try ShiftedImages(
      kitchen.data, suite: .cifarC, kinds: [.brightness], severities: [1], groups: groups)
    #expect(shift.classNames == ["first", "others"])
    #expect(shift.labels == (0..<30).map { kitchen.data.label(at: $0) == 0 ? 0 : 1 })
    let outcome = try kitchen.scorer().outcomes(of: [kitchen.recipes[0]], under: shift)[0].versions[0]
    let network = try Kitchen.model(1)
    let logits = try Evaluator(kitchen.data).logits(of: network).floats()
    for image in 0..<30 {
      let p = (0..<3).map { Foundation.exp(Double(logits[image * 3 + $0])) }
      let means = [p[0], (p[1] + p[2]) / 2]
      let label = shift.labels[image]
      #expect(outcome.correct[image] == (means[label] > means[1 - label]))
      #expect(abs(Double(outcome.losses[image]) + Foundation.log(means[label] / (means[0] + means[1]))) < 1e-4)
    }
  }

  @Test func imagesOfNoGroupAreLeftOut() throws {
    let data = try images(30)
    let groups = try SuperClasses([("a", [0]), ("c", [2])], classCount: 3)
    let shift = try ShiftedImages(data, suite: .cifarC, groups: groups)
    #expect(shift.positions == (0..<30).filter { data.label(at: $0) != 1 })
    #expect(groups[1] == nil && groups[2] == 1)
  }
}

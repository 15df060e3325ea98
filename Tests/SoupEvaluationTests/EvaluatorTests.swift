import Foundation
import SoupCheckpoints
import SoupData
import SoupEvaluation
import SoupMixing
import SoupModels
import SoupTensors
import SoupTorch
import Testing

/// Noise with labels: nothing to learn, enough to compare numbers.
private func noise(count: Int = 70, size: Int = 8, seed: UInt64 = 1) throws -> MemoryDataset {
  var random = CounterGenerator(seed: seed)
  let pixels = HostStorage(count: count * size * size) { bytes in
    for index in bytes.indices { bytes[index] = UInt8(random.uniform() * 256) }
  }
  return try MemoryDataset(
    name: "noise", classNames: ["a", "b", "c"], channels: 1, height: size, width: size, pixels: pixels,
    labels: (0..<count).map { $0 % 3 })
}

private func model(_ text: String = "resnet8:classes=3,channels=1,image=8", seed: UInt64 = 1) throws -> any Model {
  try makeModel(ModelConfiguration(parsing: text), generator: RandomGenerator(seed: seed), device: .cpu)
}

private func largestDifference(_ a: HostTensor, _ b: HostTensor) -> Float {
  zip(a.floats(), b.floats()).map { abs($0 - $1) }.max() ?? .infinity
}

/// Images of which only the first and the last class take part.
private struct SomeClasses: ImageDataset {
  let base: MemoryDataset
  var name: String { base.name }
  var count: Int { base.count }
  var classNames: [String] { base.classNames }
  var channels: Int { base.channels }
  var height: Int { base.height }
  var width: Int { base.width }
  var normalization: Normalization { base.normalization }
  var classSubset: [Int]? { [0, 2] }
  func label(at index: Int) -> Int { base.label(at: index) }
  func copyPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) {
    base.copyPixels(at: index, into: pixels)
  }
}

@Suite(.serialized) struct EvaluatorTests {
  /// Logits do not depend on how images are grouped, and a last, smaller group is not forgotten.
  @Test func logitsDoNotDependOnTheBatchSize() throws {
    let images = try noise()
    let model = try model()
    let whole = try Evaluator(images, batchSize: 70).logits(of: model)
    #expect(whole.shape == [70, 3])
    for batchSize in [1, 7, 32] {
      let other = try Evaluator(images, batchSize: batchSize, loaderThreads: 2).logits(of: model)
      #expect(largestDifference(whole, other) < 1e-5)
    }
  }

  /// The folded and fused evaluation is the model's own forward pass.
  @Test func logitsAreThoseOfTheModel() throws {
    let images = try noise()
    let model = try model()
    let batch = try #require(try DataLoader(images, batchSize: 70).batches(epoch: 0).next())
    let plain = try withoutGradients { try model(Tensor(batch.images), training: false).host() }
    #expect(largestDifference(try Evaluator(images).logits(of: model), plain) < 1e-5)
    let coarse = try Evaluator(images, precision: .bfloat16).logits(of: model)
    #expect(coarse.dtype == .float32)
    let scale = plain.floats().map(abs).max() ?? 0
    #expect(largestDifference(coarse, plain) < 0.05 * scale)
  }

  /// Classes that take no part win nothing: what is left is the model on the other classes.
  @Test func onlySomeClassesTakePart() throws {
    let images = try SomeClasses(base: noise())
    let model = try model()
    let all = try Evaluator(images.base).logits(of: model).floats()
    let outcomes = try Evaluator(images).outcomes(Evaluator(images).logits(of: model))
    for image in 0..<images.count where images.label(at: image) != 1 {
      let (a, c) = (Double(all[image * 3]), Double(all[image * 3 + 2]))
      let (own, other) = images.label(at: image) == 0 ? (a, c) : (c, a)
      #expect(outcomes.correct[image] == (own > other))
      #expect(abs(Double(outcomes.losses[image]) - log(1 + exp(other - own))) < 1e-4)
    }
  }

  @Test func aModelOfOtherImagesIsRefused() throws {
    let evaluator = try Evaluator(noise())
    let error = #expect(throws: EvaluationError.self) {
      try evaluator.logits(of: model("resnet8:classes=10,channels=3,image=8"))
    }
    #expect(error?.description.contains("3 channels") ?? false)
    #expect(error?.description.contains("10 classes") ?? false)
  }
}

@Suite(.serialized) struct BatchNormRecalibrationTests {
  /// The first batch norm sees the first convolution's output, whose mean and variance can be computed without a model.
  @Test func statisticsAreThoseOfTheData() throws {
    let images = try noise(count: 64)
    let model = try model()
    let before = try #require(model.store["bn1.running_mean"]).host().floats()
    try BatchNormRecalibration(images, batchSize: 64).apply(to: model)
    let batch = try #require(try DataLoader(images, batchSize: 64).batches(epoch: 0).next())
    let weight = try #require(model.store["conv1.weight"]).host()
    let (means, variances) = try convolutionStatistics(batch.images, weight)
    let found = try #require(model.store["bn1.running_mean"]).host().floats()
    let spread = try #require(model.store["bn1.running_var"]).host().floats()
    #expect(before != found)
    for channel in means.indices {
      #expect(abs(Double(found[channel]) - means[channel]) < 1e-4)
      #expect(abs(Double(spread[channel]) - variances[channel]) < 1e-4 * max(1, variances[channel]))
    }
  }

  /// Over several batches the statistics are their plain mean, and doing it twice changes nothing.
  @Test func isRepeatableAndLeavesParametersAlone() throws {
    let images = try noise(count: 64)
    let model = try model()
    let weights = try #require(model.store["linear.weight"]).host().floats()
    let recalibration = try BatchNormRecalibration(images, batchSize: 16)
    try recalibration.apply(to: model)
    let once = try #require(model.store["bn1.running_var"]).host().floats()
    try recalibration.apply(to: model)
    #expect(try #require(model.store["bn1.running_var"]).host().floats() == once)
    #expect(try #require(model.store["linear.weight"]).host().floats() == weights)
    #expect(model.batchNorms.allSatisfy { $0.momentum == 0.1 })
  }

  @Test func aModelWithoutBatchNormIsRefused() throws {
    let recalibration = try BatchNormRecalibration(noise(count: 32), batchSize: 16)
    let vit = try model("vit:patch=4,dim=16,depth=1,heads=2,classes=3,channels=1,image=8")
    let error = #expect(throws: EvaluationError.self) { try recalibration.apply(to: vit) }
    #expect(error?.code == .unsupported)
  }

  /// Mean and unbiased variance by channel of a 3×3 convolution with zero padding, in Float64.
  private func convolutionStatistics(
    _ images: HostTensor, _ weight: HostTensor
  ) throws -> (means: [Double], variances: [Double]) {
    let (count, size, channels) = (images.shape[0], images.shape[2], weight.shape[0])
    let (pixels, kernel) = (images.doubles(), weight.doubles())
    var sums = [Double](repeating: 0, count: channels)
    var squares = sums
    for image in 0..<count {
      for channel in 0..<channels {
        for row in 0..<size {
          for column in 0..<size {
            var value = 0.0
            for (r, c) in (0..<9).map({ ($0 / 3, $0 % 3) }) {
              let (y, x) = (row + r - 1, column + c - 1)
              guard (0..<size).contains(y), (0..<size).contains(x) else { continue }
              value += kernel[channel * 9 + r * 3 + c] * pixels[(image * size + y) * size + x]
            }
            sums[channel] += value
            squares[channel] += value * value
          }
        }
      }
    }
    let n = Double(count * size * size)
    let means = sums.map { $0 / n }
    return (means, zip(squares, means).map { ($0 - n * $1 * $1) / (n - 1) })
  }
}

@Suite(.serialized) struct RecipeScorerTests {
  /// An ensemble of a model with itself is the model; nothing is run twice; a soup of equal models is the model.
  @Test func everyRecipeIsEvaluatedOnce() throws {
    let folder = NSTemporaryDirectory() + "soup-scorer-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (name, seed) in [("a", UInt64(1)), ("b", 1), ("c", 2)] {
      try CheckpointWriter.write(model(seed: seed).store.stateDict(), to: "\(folder)/\(name)")
    }
    let (a, b, c) = (folder + "/a", folder + "/b", folder + "/c")
    let scorer = RecipeScorer(model: try model(seed: 9), evaluator: try Evaluator(noise()))
    let single = try scorer.score(.uniform([a]))
    #expect(try scorer.score(.uniform([a])) == single)
    #expect(scorer.evaluations == 1)
    #expect(try scorer.score(.uniform([a, b])) == single)
    #expect(try scorer.ensemble([.uniform([a]), .uniform([b])]).score == single)
    #expect(scorer.evaluations == 3)
    // Mean logits by hand.
    let evaluator = scorer.evaluator
    let other = try model(seed: 2)
    let own = try evaluator.logits(of: model(seed: 1)).doubles()
    let mean = try zip(own, evaluator.logits(of: other).doubles()).map { Float(($0 + $1) / 2) }
    let expected = try evaluator.score(HostTensor(floats: mean, shape: [70, 3]))
    let found = try scorer.ensemble([.uniform([a]), .uniform([c])]).score
    #expect(abs(found.loss - expected.loss) < 1e-6 && found.top1 == expected.top1)
    #expect(scorer.evaluations == 4)
  }
}

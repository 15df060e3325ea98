import Foundation
import SoupData
import SoupTensors
import Testing

@Suite struct MixupTests {
  private func batch(images: [Float], shape: [Int], labels: [Int64]) throws -> Batch {
    Batch(
      images: try HostTensor(floats: images, shape: shape),
      labels: try HostTensor(integers: labels, shape: [labels.count]), indices: Array(0..<labels.count))
  }

  /// timm's batch mode, run in PyTorch.
  @Test func agreesWithPyTorchToTheBit() throws {
    for reference in try Reference.load().mixup {
      let plain = try batch(
        images: reference.images.map(Float.init(bitPattern:)), shape: [5, 2, 3, 2], labels: reference.labels)
      let mixed = try Mixup.mix(plain, lambda: reference.lambda, classes: 4)
      #expect(mixed.images.floats().map(\.bitPattern) == reference.mixed)
      #expect(mixed.targets?.shape == [5, 4])
      #expect(mixed.targets?.floats().map(\.bitPattern) == reference.targets)
      #expect(mixed.labels.doubles() == plain.labels.doubles())
    }
  }

  @Test func targetsAreProbabilities() throws {
    let plain = try batch(images: [1, 2, 3, 4], shape: [4, 1, 1, 1], labels: [0, 1, 2, 0])
    let targets = try #require(Mixup.mix(plain, lambda: 0.37, classes: 3).targets).floats()
    for row in 0..<4 { #expect(abs(targets[row * 3..<row * 3 + 3].reduce(0, +) - 1) < 1e-6) }
    #expect(Array(targets[0..<3]) == [1, 0, 0])  // images 0 and 3 share their class
  }

  @Test func lambdaIsAFunctionOfSeedEpochAndBatch() throws {
    let mixup = try Mixup(alpha: 0.5, seed: 1)
    let values = [
      mixup.lambda(epoch: 0, batch: 0), mixup.lambda(epoch: 0, batch: 1), mixup.lambda(epoch: 1, batch: 0),
      try Mixup(alpha: 0.5, seed: 2).lambda(epoch: 0, batch: 0),
    ]
    #expect(Set(values).count == 4)
    #expect(mixup.lambda(epoch: 1, batch: 0) == values[2])
  }

  /// Beta(α, α) over the batches of an epoch: mean 1/2, variance 1/(4(2α+1)).
  @Test func lambdasOfAnEpochAreBetaDistributed() throws {
    let mixup = try Mixup(alpha: 0.2, seed: 4)
    let values = (0..<50_000).map { mixup.lambda(epoch: 2, batch: $0) }
    let mean = values.reduce(0, +) / 50_000
    let variance = values.reduce(0) { $0 + ($1 - 0.5) * ($1 - 0.5) } / 50_000
    #expect(abs(mean - 0.5) < 5 * (0.1786 / 50_000).squareRoot())
    #expect(abs(variance - 1 / (4 * 1.4)) < 0.003)
  }

  @Test func loaderMixesEachBatchWithItsOwnLambda() throws {
    let data = SyntheticImages(count: 30)
    let mixup = try Mixup(alpha: 1, seed: 6)
    let plain = try DataLoader(data, batchSize: 10, shuffleSeed: 2)
    let mixing = try DataLoader(data, batchSize: 10, shuffleSeed: 2, mixup: mixup, threads: 2)
    let sequence = plain.batches(epoch: 5)
    for mixed in try mixing.contents(epoch: 5) {
      let batch = try #require(try sequence.next())
      #expect(batch.targets == nil)
      let expected = try Mixup.mix(batch, lambda: mixup.lambda(epoch: 5, batch: batch.index), classes: 3)
      #expect(mixed == BatchContents(expected))
    }
  }

  @Test func impossibleValuesAreRefused() throws {
    for alpha in [0, -1, .nan, .infinity] as [Double] {
      #expect(throws: DataError.self) { try Mixup(alpha: alpha, seed: 0) }
    }
    let plain = try batch(images: [1, 2], shape: [2, 1, 1, 1], labels: [0, 3])
    #expect(throws: DataError.self) { try Mixup.mix(plain, lambda: 0.5, classes: 3) }
  }
}

import Foundation
import SoupData
import SoupTensors
import Synchronization
import Testing

@Suite struct DataLoaderTests {
  /// All the randomness there is, in one loader.
  private func busyLoader(threads: Int, prefetch: Int = 4, seed: UInt64 = 7) throws -> DataLoader {
    try DataLoader(
      SyntheticImages(count: 103, channels: 3), batchSize: 10, shuffleSeed: seed,
      augmentation: [.crop(padding: 2, mode: .reflect), .flip(), .erase(probability: 0.5), .cutout(side: 3)],
      mixup: Mixup(alpha: 0.4, seed: 9), threads: threads, prefetch: prefetch)
  }

  @Test(arguments: [(1, 1), (1, 4), (2, 1), (2, 3), (7, 16)])
  func threadsDoNotChangeTheBytes(threads: Int, prefetch: Int) throws {
    let expected = try busyLoader(threads: 0).contents(epoch: 3)
    #expect(expected.count == 11)
    #expect(try busyLoader(threads: threads, prefetch: prefetch).contents(epoch: 3) == expected)
  }

  @Test func seedAndEpochChangeTheBytes() throws {
    let loader = try busyLoader(threads: 1)
    let first = try loader.contents(epoch: 0)
    #expect(try loader.contents(epoch: 0) == first)
    #expect(try loader.contents(epoch: 1) != first)
    #expect(try busyLoader(threads: 1, seed: 8).contents(epoch: 0) != first)
  }

  @Test(arguments: [0, 1, 6, 10, 11])
  func resumingGivesTheRestOfTheEpoch(start: Int) throws {
    let whole = try busyLoader(threads: 0).contents(epoch: 2)
    #expect(try busyLoader(threads: 2).contents(epoch: 2, startingAt: start) == Array(whole[start...]))
  }

  @Test func anEpochShowsEveryImageOnceWithItsLabel() throws {
    let data = SyntheticImages(count: 103)
    let loader = try DataLoader(data, batchSize: 10, shuffleSeed: 1, threads: 2)
    for epoch in 0..<3 {
      let batches = try loader.contents(epoch: epoch)
      #expect(batches.flatMap(\.indices).sorted() == Array(0..<103))
      #expect(batches.flatMap(\.labels) == batches.flatMap(\.indices).map { Double($0 % 3) })
      #expect(batches.map(\.index) == Array(0..<11))
      #expect(batches.last?.shape == [3, 1, 8, 8])
      for batch in batches {
        let expected = batch.indices.flatMap { image in
          (0..<64).map { (Float(UInt8(truncatingIfNeeded: image &* 31 &+ $0 &* 7)) / 255).bitPattern }
        }
        #expect(batch.images == expected)
      }
    }
  }

  @Test func ordersOfDifferentEpochsAreUnrelated() throws {
    let loader = try DataLoader(SyntheticImages(count: 1000), batchSize: 1000, shuffleSeed: 1)
    let orders = try (0..<2).map { try loader.contents(epoch: $0)[0].indices }
    // Two unrelated permutations agree in one place on average; 10 or more has probability 1e-7.
    #expect(zip(orders[0], orders[1]).count { $0 == $1 } < 10)
    #expect(zip(orders[0], 0...).count { $0 == $1 } < 10)
  }

  /// The documented definition, written a second time in Python, gives the same order.
  @Test func orderIsTheDocumentedOne() throws {
    let loader = try DataLoader(SyntheticImages(count: 40), batchSize: 40, shuffleSeed: (1 << 63) + 7)
    #expect(try loader.contents(epoch: 3)[0].indices == Reference.load().order)
  }

  @Test func dropLastLeavesOutAPartialBatchOnly() throws {
    let partial = try DataLoader(SyntheticImages(count: 103), batchSize: 10, dropLast: true)
    #expect(partial.batchCount == 10)
    #expect(partial.imageCount == 100)
    #expect(try partial.contents(epoch: 0).flatMap(\.indices) == Array(0..<100))
    let full = try DataLoader(SyntheticImages(count: 100), batchSize: 10, dropLast: true)
    #expect(try full.contents(epoch: 0).count == 10)
    let none = try DataLoader(SyntheticImages(count: 9), batchSize: 10, dropLast: true, threads: 3)
    #expect(try none.contents(epoch: 0).isEmpty)
    #expect(try DataLoader(SyntheticImages(count: 0), batchSize: 10).contents(epoch: 0).isEmpty)
  }

  /// A batch's tensors keep their values while later batches are made: reused memory is never memory in use.
  @Test func heldBatchesKeepTheirValues() throws {
    let loader = try busyLoader(threads: 2, prefetch: 1)
    var held: [Batch] = []
    let batches = loader.batches(epoch: 0)
    while let batch = try batches.next() { held.append(batch) }
    for epoch in 1..<4 { _ = try loader.contents(epoch: epoch) }
    #expect(try held.map(BatchContents.init) == busyLoader(threads: 0).contents(epoch: 0))
  }

  @Test(arguments: [0, 1, 3])
  func leavingEarlyEndsTheThreads(taken: Int) throws {
    weak var observer: SyntheticImages?
    do {
      let data = SyntheticImages(count: 10_000)
      observer = data
      let batches = try DataLoader(data, batchSize: 10, shuffleSeed: 1, threads: 4, prefetch: 3).batches(epoch: 0)
      for _ in 0..<taken { #expect(try batches.next() != nil) }
    }
    // Each thread holds the data set until it ends.
    #expect(waiting { observer == nil })
  }

  @Test func threadsStayWithinThePrefetchBound() throws {
    let made = Counter()
    let data = SyntheticImages(count: 1000, height: 1, width: 1) { _, _ in
      made.increment()
      return 0
    }
    let batches = try DataLoader(data, batchSize: 10, threads: 4, prefetch: 3).batches(epoch: 0)
    #expect(waiting { made.value >= 30 })
    Thread.sleep(forTimeInterval: 0.05)
    #expect(made.value == 30)
    _ = try batches.next()
    #expect(waiting { made.value >= 40 })
    Thread.sleep(forTimeInterval: 0.05)
    #expect(made.value == 40)
  }

  private struct Unreadable: Error, Equatable { let image: Int }

  @Test(arguments: [0, 1, 4])
  func anErrorArrivesAfterTheBatchesBeforeIt(threads: Int) throws {
    weak var observer: SyntheticImages?
    do {
      let data = SyntheticImages(count: 100) { image, _ in
        if image >= 25 { throw Unreadable(image: 25) }
        return 1
      }
      observer = data
      let batches = try DataLoader(data, batchSize: 10, threads: threads).batches(epoch: 0)
      #expect(try batches.next()?.index == 0)
      #expect(try batches.next()?.index == 1)
      for _ in 0..<2 { #expect(throws: Unreadable(image: 25)) { try batches.next() } }
    }
    #expect(waiting { observer == nil })
  }

  /// Bit patterns by PyTorch, in torchvision's order of operations.
  @Test(arguments: ["fashion-mnist", "cifar10"])
  func normalizationAgreesWithPyTorchToTheBit(name: String) throws {
    let normalization: Normalization = name == "cifar10" ? .cifar10 : .fashionMNIST
    let channels = normalization.mean.count
    let bytes = SyntheticImages(count: 1, channels: channels, height: 16, width: 16) { _, offset in
      UInt8(offset / channels)
    }
    let loader = try DataLoader(bytes, batchSize: 1, normalization: normalization)
    #expect(try loader.contents(epoch: 0)[0].images == Reference.load().normalized[name])
  }

  @Test func impossibleRequestsAreRefused() throws {
    let data = SyntheticImages(count: 10)
    let bad: [() throws -> Any] = [
      { try DataLoader(data, batchSize: 0) },
      { try DataLoader(data, batchSize: 1, threads: -1) },
      { try DataLoader(data, batchSize: 1, prefetch: 0) },
      { try DataLoader(data, batchSize: 1, augmentation: [.flip()]) },
      { try DataLoader(data, batchSize: 1, shuffleSeed: 1, augmentation: [.flip(), .flip()]) },
      { try DataLoader(data, batchSize: 1, shuffleSeed: 1, augmentation: [.crop(padding: -1)]) },
      { try DataLoader(data, batchSize: 1, shuffleSeed: 1, augmentation: [.crop(padding: 8, mode: .reflect)]) },
      { try DataLoader(data, batchSize: 1, shuffleSeed: 1, augmentation: [.flip(probability: 1.5)]) },
      { try DataLoader(data, batchSize: 1, shuffleSeed: 1, augmentation: [.erase(probability: .nan)]) },
      { try DataLoader(data, batchSize: 1, normalization: .cifar10) },
      { try DataLoader(data, batchSize: 1).batches(epoch: -1).next() as Any },
      { try DataLoader(data, batchSize: 1).batches(epoch: 0, startingAt: 11).next() as Any },
      { try DataLoader(data, batchSize: 1).batches(epoch: 0, startingAt: -1).next() as Any },
    ]
    for (number, request) in bad.enumerated() {
      #expect("request \(number)") { _ = try request() } throws: { ($0 as? DataError)?.code == .invalidRequest }
    }
  }
}

/// Whether the condition comes true within 20 seconds.
private func waiting(_ condition: () -> Bool) -> Bool {
  let deadline = ContinuousClock.now + .seconds(20)
  while !condition() {
    if ContinuousClock.now > deadline { return false }
    Thread.sleep(forTimeInterval: 0.001)
  }
  return true
}

private final class Counter: Sendable {
  private let count = Mutex(0)
  var value: Int { count.withLock { $0 } }
  func increment() { count.withLock { $0 += 1 } }
}

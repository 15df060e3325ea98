import Foundation
import SoupData
import Testing

@Suite struct SplitTests {
  @Test(arguments: [(60_000, 5000), (10, 0), (10, 9), (1, 0)])
  func partsAreDisjointAndExhaustive(count: Int, heldOut: Int) throws {
    let parts = try Split(count: count, heldOutCount: heldOut, seed: 1).indices()
    #expect(parts.heldOut.count == heldOut)
    #expect((parts.train + parts.heldOut).sorted() == Array(0..<count))
    #expect(parts.train == parts.train.sorted())
  }

  /// The documented definition, written a second time in Python, gives the same images.
  @Test func splitIsTheDocumentedOne() throws {
    #expect(try Split(count: 1000, heldOutCount: 20, seed: 42).indices().heldOut == Reference.load().heldOut)
  }

  @Test func seedDecides() throws {
    let split = try Split(count: 1000, heldOutFraction: 0.1, seed: 1)
    #expect(split.heldOutCount == 100)
    #expect(split.indices().heldOut == split.indices().heldOut)
    let other = try Split(count: 1000, heldOutFraction: 0.1, seed: 2).indices().heldOut
    // Ten of a hundred are shared by chance, with deviation 2.8.
    #expect(abs(Set(other).intersection(split.indices().heldOut).count - 10) < 15)
  }

  @Test func largerHeldOutPartsContainSmallerOnes() throws {
    let small = try Split(count: 500, heldOutCount: 50, seed: 3).indices().heldOut
    let large = try Split(count: 500, heldOutCount: 200, seed: 3).indices().heldOut
    #expect(Set(small).isSubset(of: large))
  }

  /// Hypergeometric: 5000 of 60 000 from ten classes of 6000 gives 500 each, deviation 20.3.
  @Test func heldOutClassesAreBalancedAsChanceHasIt() throws {
    let parts = try Split(count: 60_000, heldOutCount: 5000, seed: 0)(FashionMNISTTests.load(.train))
    #expect(parts.heldOut.classCounts.allSatisfy { abs($0 - 500) < 102 })
    #expect(zip(parts.train.classCounts, parts.heldOut.classCounts).allSatisfy { $0 + $1 == 6000 })
    #expect(parts.heldOut.name == "fashion-mnist train held-out")
  }

  @Test func subsetsShowTheImagesOfTheirBase() throws {
    let data = SyntheticImages(count: 20)
    let subset = try Subset(of: data, indices: [7, 3, 3, 19])
    let own = try DataLoader(subset, batchSize: 4).contents(epoch: 0)[0]
    let all = try DataLoader(data, batchSize: 20).contents(epoch: 0)[0]
    let expected = subset.indices.flatMap { image -> ArraySlice<UInt32> in all.images[image * 64..<image * 64 + 64] }
    #expect(own.images == expected)
    #expect(own.labels == [1, 0, 0, 1])
    #expect(own.indices == [0, 1, 2, 3])
    #expect(throws: DataError.self) { try Subset(of: data, indices: [0, 20]) }
    #expect(throws: DataError.self) { try Subset(of: data, indices: [-1]) }
    #expect(try Subset.first(30, of: data).count == 20)
  }

  @Test func impossibleSplitsAreRefused() throws {
    for (count, heldOut) in [(10, 10), (10, -1), (0, 0), (10, 11)] {
      #expect(throws: DataError.self) { try Split(count: count, heldOutCount: heldOut, seed: 0) }
    }
    for fraction in [-0.1, 1, .nan] {
      #expect(throws: DataError.self) { try Split(count: 10, heldOutFraction: fraction, seed: 0) }
    }
    let stored = Data(#"{"count": 10, "heldOutCount": 20, "seed": 1}"#.utf8)
    #expect(throws: DataError.self) { try JSONDecoder().decode(Split.self, from: stored) }
    #expect(throws: DataError.self) { try Split(count: 10, heldOutCount: 2, seed: 0)(SyntheticImages(count: 11)) }
  }
}

import Foundation
import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

@Suite struct CheckpointDiffTests {
  /// 3-4-5 triangles and their like: every number by hand.
  @Test func numbersThatCanBeWorkedOutByHand() throws {
    let folder = try TemporaryFolder()
    let base = try folder.write("base", [("x", HostTensor(floats: [1, 1, 1, 1], shape: [2, 2]))])
    let a = try folder.write("a", [("x", HostTensor(floats: [4, 1, 1, 5], shape: [2, 2]))])
    let b = try folder.write("b", [("x", HostTensor(floats: [4, 1, 1, -3], shape: [2, 2]))])
    let diff = try CheckpointDiff(comparing: a, with: b, base: base)
    let x = try #require(diff.tensors.first)
    #expect(diff.tensors.count == 1 && x.name == "x" && x.shape == [2, 2] && x.dtypeA == "float32")
    #expect(x.elements == 4 && x.changed == 1 && x.skipped == 0)
    #expect(x.norm == 43.0.squareRoot() && x.distance == 8)
    #expect(x.relativeDistance == (64.0 / 43).squareRoot())
    #expect(x.largestChange == 8 && x.largestChangeIndex == 3)
    #expect(abs(try #require(x.cosine) - 3 / (43.0.squareRoot() * 27.0.squareRoot())) < 1e-15)
    // u = (3, 0, 0, 4), v = (3, 0, 0, -4).
    let tasks = try #require(x.tasks)
    #expect(tasks.normA == 5 && tasks.normB == 5)
    #expect(abs(try #require(tasks.cosine) + 7.0 / 25) < 1e-15)
    #expect(diff.total.distance == x.distance && diff.total.tasks == tasks)
  }

  /// The same sums, written down the plain way.
  @Test(arguments: [DType.float32, .float64, .bfloat16, .float16, .float8E4M3, .float8E5M2])
  func agreesWithPlainSums(dtype: DType) throws {
    let folder = try TemporaryFolder()
    let (a, b) = (try folder.network("a", seed: 1, dtype: dtype), try folder.network("b", seed: 2, dtype: dtype))
    let diff = try CheckpointDiff(comparing: a, with: b)
    let (left, right) = (try Checkpoint(contentsOf: a).stateDict(), try Checkpoint(contentsOf: b).stateDict())
    #expect(Set(diff.tensors.map(\.name)) == Set(left.names))
    var total = 0.0
    for found in diff.tensors {
      let (x, y) = (try #require(left[found.name]).doubles(), try #require(right[found.name]).doubles())
      let pairs = zip(x, y).filter { $0.isFinite && $1.isFinite }
      let squares = pairs.reduce(0) { $0 + ($1.1 - $1.0) * ($1.1 - $1.0) }
      total += squares
      #expect(abs(found.distance - squares.squareRoot()) <= 1e-12 * squares.squareRoot())
      #expect(found.largestChange == pairs.map { abs($1 - $0) }.max() ?? 0)
      #expect(found.changed == zip(x, y).filter { $0 != $1 }.count)
      let at = try #require(found.largestChangeIndex)
      #expect(abs(y[at] - x[at]) == found.largestChange)
    }
    #expect(abs(diff.total.distance - total.squareRoot()) <= 1e-12 * total.squareRoot())
  }

  @Test func aCheckpointDoesNotDifferFromItself() throws {
    let folder = try TemporaryFolder()
    let a = try folder.network("a", seed: 1)
    let diff = try CheckpointDiff(comparing: a, with: a, base: a)
    #expect(diff.isEmpty && diff.total.distance == 0 && diff.total.relativeDistance == 0 && diff.total.cosine == 1)
    #expect(diff.tensors.allSatisfy { $0.largestChangeIndex == nil && $0.tasks?.normA == 0 && $0.tasks?.cosine == nil })
  }

  @Test func theSameNumbersWithAnyNumberOfThreads() throws {
    let folder = try TemporaryFolder()
    let paths = try (1...3).map { try folder.network("\($0)", seed: UInt64($0)) }
    let reference = try CheckpointDiff(comparing: paths[0], with: paths[1], base: paths[2], threads: 1)
    for threads in [2, 3, 16] {
      #expect(try CheckpointDiff(comparing: paths[0], with: paths[1], base: paths[2], threads: threads) == reference)
    }
  }

  @Test func namesAndShapesThatDoNotMatchAreListed() throws {
    let folder = try TemporaryFolder()
    func ones(_ shape: [Int]) throws -> HostTensor {
      try HostTensor(floats: Array(repeating: 1, count: shape.reduce(1, *)), shape: shape)
    }
    let a = try folder.write("a", [("same", ones([3])), ("old", ones([1])), ("turned", ones([2, 3]))])
    let b = try folder.write("b", [("same", ones([3])), ("new", ones([1])), ("turned", ones([3, 2]))])
    let base = try folder.write("base", [("other", ones([3]))])
    let diff = try CheckpointDiff(comparing: a, with: b, base: base)
    #expect(diff.onlyInA == ["old"] && diff.onlyInB == ["new"] && diff.notInBase == ["same"])
    #expect(diff.reshaped == [CheckpointDiff.ShapeChange(name: "turned", shapeA: [2, 3], shapeB: [3, 2])])
    #expect(diff.tensors.map(\.name) == ["same"] && diff.tensors[0].tasks == nil && !diff.isEmpty)
  }

  @Test func valuesThatAreNotNumbersAreCountedAndLeftOut() throws {
    let folder = try TemporaryFolder()
    let a = try folder.write("a", [("x", HostTensor(floats: [.nan, 3, .infinity, 0, .nan], shape: [5]))])
    let b = try folder.write("b", [("x", HostTensor(floats: [.nan, 0, .infinity, 4, 1], shape: [5]))])
    let x = try CheckpointDiff(comparing: a, with: b).tensors[0]
    #expect(x.skipped == 3 && x.distance == 5 && x.changed == 3 && x.largestChange == 4)
  }

  @Test func dtypesMayDiffer() throws {
    let folder = try TemporaryFolder()
    let (a, b) = (try folder.network("a", seed: 1), try folder.network("b", seed: 1, dtype: .bfloat16))
    let diff = try CheckpointDiff(comparing: a, with: b)
    // bfloat16 cut from float32 loses less than 2^-7 of a value.
    #expect(!diff.isEmpty && diff.total.dtypeB == "mixed")
    #expect(try #require(diff.total.relativeDistance) < 1.0 / 128)
  }
}

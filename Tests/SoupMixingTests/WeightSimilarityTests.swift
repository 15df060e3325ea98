import CKernels
import Foundation
import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

@Suite struct WeightSimilarityTests {
  private static let shapes: [(String, [Int])] = [
    ("conv.weight", [16, 3, 3, 3]), ("bn.weight", [16]), ("bn.running_mean", [16]), ("big", [97, 211]), ("bias", [5]),
  ]

  /// Values of every tensor, in the order of `shapes`.
  private static func values(_ seed: UInt64, scale: Float = 1, around: [[Float]]? = nil) -> [[Float]] {
    var numbers = Numbers(seed: seed)
    return shapes.enumerated().map { index, shape in
      let drawn = numbers.floats(shape.1.reduce(1, *)).map { $0 * scale }
      return around.map { zip($0[index], drawn).map(+) } ?? drawn
    }
  }

  private static func write(
    _ name: String, _ values: [[Float]], in folder: TemporaryFolder, as dtype: DType = .float32
  ) throws -> String {
    var pairs = try zip(shapes, values).map {
      ($0.0, try HostTensor(floats: $1, shape: $0.1).converted(to: dtype))
    }
    pairs.append(("bn.num_batches_tracked", try HostTensor(integers: [Int64(values[0].count)], shape: [])))
    return try folder.write(name + ".safetensors", pairs)
  }

  /// What is compared, as one vector of doubles.
  private static func vector(_ path: String, statistics: Bool = false) throws -> [Double] {
    let state = try Checkpoint(contentsOf: path).stateDict()
    return shapes.filter { statistics || !$0.0.hasSuffix("running_mean") }.flatMap { state[$0.0]!.doubles() }
  }

  private static func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
  private static func distance(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
  }

  private static func isClose(_ found: Double?, _ wanted: Double, _ tolerance: Double) -> Bool {
    guard let found else { return false }
    return abs(found - wanted) <= tolerance
  }

  /// Every number by its definition, whatever the dtypes; with a base and without.
  @Test func agreesWithPlainSums() throws {
    let folder = try TemporaryFolder()
    let base = Self.values(1)
    let root = try Self.write("base", base, in: folder)
    let paths = try [DType.float32, .bfloat16, .float16, .float32, .float64].enumerated().map { index, dtype in
      try Self.write(
        "\(index)", Self.values(UInt64(index + 2), scale: index == 3 ? 1 : 0.01, around: base), in: folder, as: dtype)
    }
    let vectors = try paths.map { try Self.vector($0) }
    let origin = try Self.vector(root)
    for root in [nil, root] {
      let found = try WeightSimilarity(comparing: paths, base: root)
      #expect(found.elements == vectors[0].count && found.tensors.count == 4)
      #expect(found.excluded == ["bn.num_batches_tracked", "bn.running_mean"] || found.excluded.count == 2)
      for (i, a) in vectors.enumerated() {
        #expect(Self.isClose(found.norm(i), Self.dot(a, a).squareRoot(), 1e-5))
        for (j, b) in vectors.enumerated() where i != j {
          let pair = found[i, j]
          #expect(pair == found[j, i])
          let (d, scale) = (Self.distance(a, b), (Self.dot(a, a) * Self.dot(b, b)).squareRoot())
          #expect(Self.isClose(pair.distance, d, 1e-6 * d))
          #expect(Self.isClose(pair.cosine, Self.dot(a, b) / scale, 1e-6))
          #expect(
            Self.isClose(
              pair.relativeDistance, 2 * d / (Self.dot(a, a).squareRoot() + Self.dot(b, b).squareRoot()), 1e-6))
          #expect((pair.tasks == nil) == (root == nil))
          guard let tasks = pair.tasks else { continue }
          let (u, v) = (zip(a, origin).map(-), zip(b, origin).map(-))
          #expect(Self.isClose(tasks.cosine, Self.dot(u, v) / (Self.dot(u, u) * Self.dot(v, v)).squareRoot(), 1e-5))
          let both = zip(u, v).filter { $0 != 0 && $1 != 0 }
          let same = Double(both.count { ($0 < 0) == ($1 < 0) }) / Double(both.count)
          #expect(Self.isClose(tasks.signAgreement, same, 1e-15))
        }
      }
    }
  }

  /// `aa + bb − 2ab` of models that differ in the seventh digit would be noise.
  @Test func distancesOfNearlyEqualModelsKeepTheirDigits() throws {
    let folder = try TemporaryFolder()
    let first = Self.values(1)
    let near = Self.values(2, scale: 3e-7, around: first)
    let paths = try [first, near, Self.values(3), first, Self.values(4, scale: 0.1, around: first)].enumerated().map {
      try Self.write("\($0)", $1, in: folder)
    }
    let (a, b) = (try Self.vector(paths[0]), try Self.vector(paths[1]))
    let wanted = Self.distance(a, b)
    #expect(wanted > 0 && wanted < 1e-4)
    let base = try Self.write("base", Self.values(5), in: folder)
    for base in [nil, base] {
      let found = try WeightSimilarity(comparing: paths, base: base)
      #expect(Self.isClose(found[0, 1].distance, wanted, 1e-5 * wanted))
      // For so small an angle, the chord is the angle.
      let norm = Self.dot(a, a).squareRoot()
      #expect(Self.isClose(found[0, 1].angle, wanted / norm * 180 / .pi, 1e-3 * wanted / norm * 180 / .pi))
      #expect(found[0, 3].distance == 0 && found[0, 3].cosine == 1 && found[0, 3].angle == 0)
      #expect(found[0, 0].distance == 0 && found[0, 0].cosine == 1)
    }
  }

  @Test func threadsAndMemoryDoNotChangeTheNumbers() throws {
    let folder = try TemporaryFolder()
    let paths = try (0..<6).map { try Self.write("\($0)", Self.values(UInt64($0)), in: folder) }
    let one = try WeightSimilarity(comparing: paths, base: paths[5], threads: 1)
    let three = try WeightSimilarity(comparing: paths, base: paths[5], threads: 3)
    let small = try WeightSimilarity(comparing: paths, base: paths[5], threads: 3, maximumMemory: 17_200_000)
    for i in paths.indices {
      for j in paths.indices {
        #expect(one[i, j] == three[i, j])
        #expect(Self.isClose(small[i, j].distance, one[i, j].distance, 1e-6))
      }
    }
    #expect(one[0, 5].tasks?.cosine == nil && one[0, 5].tasks?.signAgreement == nil)
    #expect(throws: MixError.self) { try WeightSimilarity(comparing: paths, maximumMemory: 1_000_000) }
  }

  @Test func whatNotAllHaveIsRefusedOrLeftOut() throws {
    let folder = try TemporaryFolder()
    let a = try folder.write(
      "a", [("x", HostTensor(floats: [1, 2], shape: [2])), ("y", HostTensor(floats: [1], shape: [1]))])
    let b = try folder.write(
      "b", [("x", HostTensor(floats: [1, 4], shape: [2])), ("y", HostTensor(floats: [1, 2], shape: [2]))])
    let c = try folder.write(
      "c", [("x", HostTensor(floats: [1, 2], shape: [2])), ("z", HostTensor(floats: [1], shape: [1]))])
    let error = #expect(throws: MixError.self) { try WeightSimilarity(comparing: [a, b, c]) }
    #expect(
      error?.code == .mismatch
        && error?.problems == [
          .shape(file: b, tensor: "y", expected: [1], found: [2]), .missing(file: c, tensor: "y"),
          .unexpected(file: c, tensor: "z"),
        ])
    let common = try WeightSimilarity(comparing: [a, b, c], common: true)
    #expect(common.tensors == ["x"] && common.uncommon == ["y", "z"])
    #expect(common[0, 1].distance == 2 && common[0, 2].distance == 0)
  }

  @Test func runningStatisticsCountOnlyIfAsked() throws {
    let folder = try TemporaryFolder()
    var other = Self.values(1)
    other[2][0] += 3
    let paths = [
      try Self.write("a", Self.values(1), in: folder), try Self.write("b", other, in: folder),
    ]
    #expect(try WeightSimilarity(comparing: paths)[0, 1].distance == 0)
    #expect(Self.isClose(try WeightSimilarity(comparing: paths, allTensors: true)[0, 1].distance, 3, 1e-6))
  }

  @Test func valuesThatAreNotFiniteAreLeftOutOfAll() throws {
    let folder = try TemporaryFolder()
    let paths = try [[1, .nan, 3, 5], [2, 7, .infinity, 5], [1, 0, 0, 9]].enumerated().map {
      try folder.write("\($0)", [("x", HostTensor(floats: $1, shape: [4]))])
    }
    let found = try WeightSimilarity(comparing: paths)
    #expect(found.notFinite == [1, 1, 0, 0] && found.skipped == 2)
    #expect(found[0, 1].distance == 1 && found[0, 2].distance == 4)
  }

  /// All instruction sets add in one order.
  @Test func innerProductsAreTheSameOnEveryInstructionSet() {
    var numbers = Numbers(seed: 3)
    let (rows, n) = (7, 1008)
    var tile = numbers.floats(8 * n)
    for k in 7 * n..<8 * n { tile[k] = 0 }
    let sums = KernelTests.levels.map { level in
      var sums = [Double](repeating: 0, count: 28)
      ck_add_row_products(level, tile, rows, n, n, &sums)
      return sums
    }
    #expect(sums.allSatisfy { $0 == sums[0] })
    for i in 0..<rows {
      for j in 0...i {
        let wanted = (0..<n).reduce(0.0) { $0 + Double(tile[i * n + $1]) * Double(tile[j * n + $1]) }
        #expect(abs(sums[0][i * (i + 1) / 2 + j] - wanted) < 1e-4)
      }
    }
  }
}

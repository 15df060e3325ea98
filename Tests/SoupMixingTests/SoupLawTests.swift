import Foundation
import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

/// What must hold for every soup, whatever the numbers.
@Suite struct SoupLawTests {
  static let floats: [DType] = DType.allCases.filter(\.isFloatingPoint)

  /// Float64 too: its sums run in twice the precision.
  @Test(arguments: floats, [1, 2, 3, 5, 7, 10, 49]) func aSoupOfCopiesIsTheCopy(dtype: DType, count: Int) throws {
    let folder = try TemporaryFolder()
    let paths = try (0..<count).map { try folder.network("\($0)", seed: 1, dtype: dtype) }
    let copy = try Checkpoint(contentsOf: paths[0]).stateDict().contents
    #expect(try Mixer().mix(.uniform(paths)).contents == copy)
    let weights = (0..<count).map { 0.1 + Double($0) / 3 }
    if dtype != .float64 {
      #expect(try Mixer().mix(.weighted(zip(paths, weights).map { ($0, $1) })).contents == copy)
    }
  }

  @Test func copiesOfAnyFloatStayThemselves() throws {
    let folder = try TemporaryFolder()
    var numbers = Numbers(seed: 5)
    let special: [Float] = [0, -0.0, .leastNonzeroMagnitude, -.leastNormalMagnitude, .greatestFiniteMagnitude, 1, -1]
    let tensor = try HostTensor(floats: special + numbers.anyFloats(9000), shape: [9007])
    for k in [2, 3, 6, 11] {
      let soup = try Mixer().mix(.uniform((0..<k).map { try folder.write("\($0)", [("x", tensor)]) }))
      #expect(soup["x"]?.bytes == tensor.bytes)
    }
  }

  @Test(arguments: floats) func weightsOneAndZeroGiveTheFirst(dtype: DType) throws {
    let folder = try TemporaryFolder()
    let (a, b) = (try folder.network("a", seed: 1, dtype: dtype), try folder.network("b", seed: 2, dtype: dtype))
    let (first, second) = (try Checkpoint(contentsOf: a).stateDict(), try Checkpoint(contentsOf: b).stateDict())
    let mixer = Mixer()
    #expect(try mixer.mix(.weighted([(a, 1), (b, 0)])).contents == first.contents)
    #expect(try mixer.mix(.weighted([(a, 0), (b, 3)])).contents == second.contents)
    #expect(try mixer.mix(.weighted([(a, 1), (b, 0)], normalize: false)).contents == first.contents)
    #expect(try mixer.mix(.interpolate(a, b, alpha: 0)).contents == first.contents)
    #expect(try mixer.mix(.interpolate(a, b, alpha: 1)).contents == second.contents)
  }

  @Test func anIngredientOfWeightZeroTakesNoPart() throws {
    let folder = try TemporaryFolder()
    let a = try folder.write("a", [("x", HostTensor(floats: [1, -0.0], shape: [2]))])
    let b = try folder.write("b", [("x", HostTensor(floats: [.nan, .infinity], shape: [2]))])
    let result = try Mixer().mix(MixPlan(.weighted([(a, 2), (b, 0)])))
    #expect(result.soup["x"]?.bytes == (try Checkpoint(contentsOf: a).tensor("x").bytes))
    #expect(result.report.nonFinite.isEmpty)
  }

  /// Powers of two divide exactly, so scaling all weights changes nothing.
  @Test func onlyTheProportionOfWeightsMatters() throws {
    let folder = try TemporaryFolder()
    let paths = try (1...3).map { try folder.network("\($0)", seed: UInt64($0)) }
    let soup = try Mixer().mix(.weighted(zip(paths, [1, 2, 5]).map { ($0, $1) }))
    let scaled = try Mixer().mix(.weighted(zip(paths, [0.25, 0.5, 1.25]).map { ($0, $1) }))
    #expect(soup.contents == scaled.contents)
  }

  /// The soup of k models is the interpolation of the soup of k - 1 with the k-th at 1/k, up to one rounding.
  @Test func soupsNest() throws {
    let folder = try TemporaryFolder()
    let paths = try (1...4).map { try folder.network("\($0)", seed: UInt64($0), counter: 3) }
    let three = folder["three"]
    try Mixer().mix(.uniform(Array(paths[..<3])), to: three)
    let nested = try Mixer().mix(.interpolate(three, paths[3], alpha: 0.25))
    for (name, tensor) in try Mixer().mix(.uniform(paths)) {
      let other = try #require(nested[name]).doubles()
      for (a, b) in zip(tensor.doubles(), other) { #expect(abs(a - b) <= 2 * Double(Float(1).ulp)) }
    }
  }

  @Test(arguments: [DType.float32, .float64, .bfloat16, .float16, .float8E4M3])
  func theSameBytesWithAnyNumberOfThreads(dtype: DType) throws {
    let folder = try TemporaryFolder()
    let paths = try (1...5).map { try folder.network("\($0)", seed: UInt64($0), dtype: dtype, counter: 1) }
    let recipe = Recipe.weighted(zip(paths, [0.1, 0.2, 0.3, -0.4, 1.7]).map { ($0, $1) })
    let reference = try Mixer(threads: 1).mix(recipe).contents
    for threads in [2, 3, 64] {
      #expect(try Mixer(threads: threads).mix(recipe).contents == reference)
      try Mixer(threads: threads).mix(recipe, to: folder["soup \(threads)"])
    }
    try Mixer(threads: 1).mix(recipe, to: folder["soup 1"])
    for threads in [2, 3, 64] {
      #expect(FileManager.default.contentsEqual(atPath: folder["soup 1"], andPath: folder["soup \(threads)"]))
    }
    #expect(try Checkpoint(contentsOf: folder["soup 1"]).stateDict().contents == reference)
  }

  @Test func theOutputMayBeAnIngredient() throws {
    let folder = try TemporaryFolder()
    let paths = try (1...2).map { try folder.network("\($0)", seed: UInt64($0)) }
    let expected = try Mixer().mix(.uniform(paths)).contents
    try Mixer().mix(.uniform(paths), to: paths[0])
    #expect(try Checkpoint(contentsOf: paths[0]).stateDict().contents == expected)
    #expect(try folder.contents == ["1", "2"])
  }
}

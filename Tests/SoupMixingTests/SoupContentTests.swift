import Foundation
import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

/// What goes into a soup besides averaged floats.
@Suite struct SoupContentTests {
  @Test func integersKeepTheirTypeAndTheFirstOnesValue() throws {
    let folder = try TemporaryFolder()
    let paths = try [4, 7].map { try folder.network("\($0)", seed: UInt64($0)) }
    let name = "bn.num_batches_tracked"
    #expect(try Mixer().mix(.uniform(paths))[name]?.doubles() == [4])
    #expect(try Mixer().mix(.interpolate(paths[0], paths[1], alpha: 0.9))[name]?.doubles() == [4])
    #expect(try Mixer().mix(.weighted([(paths[0], 0), (paths[1], 1)]))[name]?.doubles() == [7])
    let result = try Mixer().mix(MixPlan(.uniform(paths)))
    #expect(result.soup[name]?.dtype == .int64)
    #expect(result.report.differingIntegers.isEmpty, "counters may differ")
  }

  @Test func integerTensorsThatDifferAreReported() throws {
    let folder = try TemporaryFolder()
    let a = try folder.write("a", [("q", HostTensor(integers: [1, 2], shape: [2]))])
    let b = try folder.write("b", [("q", HostTensor(integers: [1, 3], shape: [2]))])
    let result = try Mixer().mix(MixPlan(.uniform([a, b])))
    #expect(result.soup["q"]?.doubles() == [1, 2])
    #expect(result.report.differingIntegers == ["q"])
    #expect(result.report.warnings.count == 1)
    #expect(try Mixer().mix(MixPlan(.uniform([a, a]))).report.warnings.isEmpty)
  }

  @Test func notFiniteValuesAreNamedByFileAndTensor() throws {
    let folder = try TemporaryFolder()
    let a = try folder.write(
      "a", [("w", HostTensor(floats: [1, .nan, .nan], shape: [3])), ("v", HostTensor(floats: [1], shape: [1]))])
    let b = try folder.write(
      "b", [("w", HostTensor(floats: [1, 2, 3], shape: [3])), ("v", HostTensor(floats: [.infinity], shape: [1]))])
    let report = try Mixer().mix(MixPlan(.uniform([a, b]))).report
    #expect(report.nonFinite.map(\.file) == [a, b])
    #expect(report.nonFinite.map(\.tensor) == ["w", "v"])
    #expect(report.nonFinite.map(\.count) == [2, 1])
    #expect(report.warnings.count == 2 && report.warnings[0].contains("w (2)"))
    // A single ingredient is copied, and still looked at.
    #expect(try Mixer().mix(MixPlan(.uniform([a]))).report.nonFinite.map(\.count) == [2])
  }

  @Test func overflowOfTheSoupIsReported() throws {
    let folder = try TemporaryFolder()
    let a = try folder.write("a", [("w", HostTensor(floats: [70_000, 1], shape: [2]))])
    for (dtype, value) in [(DType.float16, Double.infinity), (.float8E4M3, 448)] {
      var recipe = Recipe.uniform([a])
      recipe.dtype = dtype
      let result = try Mixer().mix(MixPlan(recipe))
      #expect(result.soup["w"]?.doubles() == [value, 1])
      let finding = try #require(result.report.nonFinite.first)
      #expect(finding.file == nil && finding.tensor == "w" && finding.count == 1)
      #expect(result.report.warnings[0].contains("overflows"))
    }
  }

  @Test func dtypesOfFloatsMayDiffer() throws {
    let folder = try TemporaryFolder()
    func path(_ dtype: DType) throws -> String { try folder.network(dtype.name, seed: 2, dtype: dtype) }
    let cases: [([DType], DType)] = [
      ([.float32, .bfloat16], .float32), ([.bfloat16, .float16], .float32), ([.float16, .float64], .float64),
      ([.float8E4M3, .float8E5M2], .float16), ([.float8E4M3, .bfloat16], .bfloat16), ([.float16, .float16], .float16),
    ]
    for (dtypes, expected) in cases {
      #expect(try Mixer().mix(.uniform(dtypes.map(path)))["big"]?.dtype == expected)
    }
    // Copies of one model in two dtypes that hold its values exactly.
    let values = try HostTensor(floats: [1, -0.5, 96, 0.15625], shape: [4])
    let single = try folder.write("single", [("x", values)])
    let cut = try folder.write("cut", [("x", values.converted(to: .bfloat16))])
    #expect(try Mixer().mix(.uniform([cut, single]))["x"]?.bytes == values.bytes)
  }

  @Test func theWantedDtypeAppliesToFloatsOnly() throws {
    let folder = try TemporaryFolder()
    var recipe = Recipe.uniform([try folder.network("a", seed: 1), try folder.network("b", seed: 2)])
    recipe.dtype = .bfloat16
    try Mixer().mix(recipe, to: folder["soup.safetensors"])
    let soup = try Checkpoint(contentsOf: folder["soup.safetensors"])
    #expect(soup.entry("big")?.dtype == .bfloat16)
    #expect(soup.entry("bn.num_batches_tracked")?.dtype == .int64)
  }

  @Test func metadataThatAllAgreeOnIsKept() throws {
    let folder = try TemporaryFolder()
    let x = try HostTensor(floats: [1], shape: [1])
    let shared = ["soup.model": "{}", "format": "pt", "soup.provenance": "same"]
    let a = try folder.write("a", [("x", x)], metadata: shared.merging(["lr": "1"]) { $1 })
    let b = try folder.write("b", [("x", x)], metadata: shared.merging(["lr": "2", "only": "b"]) { $1 })
    let recipe = Recipe.weighted([(a, 1), (b, 2)])
    try Mixer().mix(recipe, to: folder["soup.safetensors"])
    let metadata = try Checkpoint(contentsOf: folder["soup.safetensors"]).metadata
    #expect(Set(metadata.keys) == ["soup.model", "format", "soup.recipe", "soup.version"])
    #expect(try Recipe(json: #require(metadata["soup.recipe"])) == recipe)
  }

  @Test func tensorsWithoutElementsAndScalarsAreKept() throws {
    let folder = try TemporaryFolder()
    let pairs: [(String, HostTensor)] = [
      ("none", try HostTensor(floats: [], shape: [0, 3])), ("scalar", try HostTensor(floats: [3], shape: [])),
    ]
    let a = try folder.write("a", pairs)
    try Mixer().mix(.uniform([a, a]), to: folder["soup.safetensors"])
    let soup = try Checkpoint(contentsOf: folder["soup.safetensors"]).stateDict()
    #expect(soup["none"]?.shape == [0, 3] && soup["scalar"]?.floats() == [3])
    let empty = try folder.write("empty", [])
    #expect(try Mixer().mix(.uniform([empty, empty])).isEmpty)
  }

  @Test func progressEndsAtTheTotal() throws {
    let folder = try TemporaryFolder()
    let plan = try MixPlan(.uniform([folder.network("a", seed: 1), folder.network("b", seed: 2)]))
    let last = Largest()
    try Mixer().mix(plan, to: folder["soup.safetensors"]) { progress in last.note(progress.completedBytes) }
    #expect(last.value == plan.inputBytes)
    #expect(plan.inputBytes == 2 * (4 * (7 * 27 + 311 * 1009 + 5 + 1) + 8))
  }
}

/// The largest number that any thread noted.
final class Largest: @unchecked Sendable {
  private let lock = NSLock()
  private var largest = 0

  var value: Int { lock.withLock { largest } }
  func note(_ number: Int) { lock.withLock { largest = max(largest, number) } }
}

import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

/// What is refused before any value is read.
@Suite struct PreflightTests {
  @Test func everyMismatchOfEveryFileIsInOneError() throws {
    let folder = try TemporaryFolder()
    func floats(_ shape: [Int]) throws -> HostTensor {
      try HostTensor(floats: Array(repeating: 1, count: shape.reduce(1, *)), shape: shape)
    }
    let a = try folder.write(
      "a", [("w", floats([2, 3])), ("b", floats([2])), ("n", HostTensor(integers: [1], shape: []))])
    let b = try folder.write("b", [("w", floats([3, 2])), ("n", floats([])), ("extra", floats([1]))])
    let c = try folder.write("c", [("w", floats([2, 3]))])
    let same = try folder.write(
      "same", [("b", floats([2])), ("w", floats([2, 3])), ("n", HostTensor(integers: [9], shape: []))])
    let error = #expect(throws: MixError.self) { try MixPlan(.uniform([a, same, b, c])) }
    #expect(error?.code == .mismatch)
    let expected: [MixError.Problem] = [
      .shape(file: b, tensor: "w", expected: [2, 3], found: [3, 2]), .missing(file: b, tensor: "b"),
      .dtype(file: b, tensor: "n", expected: "int64", found: "float32"), .unexpected(file: b, tensor: "extra"),
      .missing(file: c, tensor: "b"), .missing(file: c, tensor: "n"),
    ]
    let problems = try #require(error?.problems)
    #expect(problems.count == expected.count)
    for problem in expected { #expect(problems.contains(problem)) }
    let text = error?.description ?? ""
    #expect(
      text.contains("2 of 4 ingredients") && text.contains("6 differences")
        && text.contains("w: [3, 2], expected [2, 3]"))
  }

  @Test func integersOfTwoKindsDoNotMix() throws {
    let folder = try TemporaryFolder()
    let a = try folder.write("a", [("n", HostTensor(integers: [1], shape: [1]))])
    let b = try folder.write("b", [("n", HostTensor(dtype: .int32, shape: [1]) { $0.copyBytes(from: [1, 0, 0, 0]) })])
    let error = #expect(throws: MixError.self) { try MixPlan(.uniform([a, b])) }
    #expect(error?.problems == [.dtype(file: b, tensor: "n", expected: "int64", found: "int32")])
  }

  @Test func recipesThatMakeNoSenseAreRefused() throws {
    let folder = try TemporaryFolder()
    let a = try folder.network("a", seed: 1)
    let recipes: [Recipe] = [
      .uniform([]),
      .weighted([(a, 0), (a, 0)]),
      .weighted([(a, 1), (a, -1)]),
      .weighted([(a, 0.1), (a, 0.2), (a, -0.3)]),
      .weighted([(a, .nan)]),
      .weighted([(a, .infinity)], normalize: false),
      .interpolate(a, a, alpha: .nan),
      Recipe([.init(a)], method: .interpolate(alpha: 0.5)),
      Recipe([.init(a)], method: .uniform, dtype: .int8),
    ]
    for recipe in recipes {
      let error = #expect(throws: MixError.self) { try MixPlan(recipe) }
      #expect(error?.code == .invalidRecipe)
    }
    // Without normalising, weights that cancel are a difference of models.
    #expect(throws: Never.self) { try MixPlan(.weighted([(a, 1), (a, -1)], normalize: false)) }
  }

  @Test func aDamagedIngredientIsNamed() throws {
    let folder = try TemporaryFolder()
    let a = try folder.network("a", seed: 1)
    let error = #expect(throws: CheckpointError.self) { try MixPlan(.uniform([a, folder["missing"]])) }
    #expect(error?.path == folder["missing"])
  }
}

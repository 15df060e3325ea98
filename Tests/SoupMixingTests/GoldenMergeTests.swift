import Foundation
import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

/// mergekit's own recipes, unchanged, against what mergekit 0.1.5 wrote for them.
@Suite struct GoldenMergeTests {
  static let folder = fixture("merges")
  static func cases(_ dtype: String) -> [String] {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return files.filter { $0.hasSuffix(".\(dtype).yml") }.map { $0.replacing(".\(dtype).yml", with: "") }.sorted()
  }

  @Test func thereIsARecipeForEveryExpectation() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
    let expected = files.filter { $0.hasPrefix("expected.") }.map {
      $0.replacing("expected.", with: "").replacing(".safetensors", with: ".yml")
    }
    #expect(Set(expected) == Set(files.filter { $0.hasSuffix(".yml") }))
    #expect(Self.cases("float32").count == 21)
  }

  @Test(arguments: cases("float32")) func float32AgreesTo1e6(name: String) throws {
    var recipe = try Self.recipe(name, "float32")
    // Small tensors: mergekit zeroes task vectors of which breadcrumbs would remove less than one outlier.
    if name.hasPrefix("breadcrumbs") { recipe.compatibility = .mergekit }
    let soup = try Mixer().mix(recipe)
    let expected = try Checkpoint(contentsOf: fixture("merges/expected.\(name).float32.safetensors"))
    #expect(Set(soup.names) == Set(expected.entries.map(\.name)))
    let files = try Set(recipe.ingredients.map(\.path) + [recipe.base].compactMap { $0 }).map {
      try Checkpoint(contentsOf: $0)
    }
    for (name, tensor) in soup {
      let theirs = try expected.tensor(name)
      #expect(tensor.dtype == theirs.dtype && tensor.shape == theirs.shape)
      let sources = try files.map { try $0.tensor(name).doubles() }
      for (index, (a, b)) in zip(tensor.doubles(), theirs.doubles()).enumerated() {
        // Relative to the largest term: where terms cancel, float32 cannot do better.
        let size = sources.reduce(abs(b)) { max($0, abs($1[index])) }
        #expect(abs(a - b) <= 1e-6 * size, "\(name)[\(index)]: \(a), mergekit \(b)")
      }
    }
  }

  /// Against the Float64 value of the same formula: the same recipe on the same numbers stored in Float64.
  @Test(arguments: cases("bfloat16"), ["bfloat16", "float16"])
  func halfPrecisionIsNeverFartherFromTheTruth(name: String, dtype: String) throws {
    let folder = try TemporaryFolder()
    let recipe = try Self.recipe(name, dtype)
    var wide: [String: String] = [:]
    for path in Set(recipe.ingredients.map(\.path) + [recipe.base].compactMap { $0 }) {
      let pairs = try Checkpoint(contentsOf: path).stateDict().map { name, tensor in
        (name, tensor.dtype.isFloatingPoint ? try HostTensor(doubles: tensor.doubles(), shape: tensor.shape) : tensor)
      }
      wide[path] = try folder.write(URL(filePath: path).lastPathComponent, pairs)
    }
    let truth = try Mixer().mix(recipe.replacing(paths: wide))
    let soup = try Mixer().mix(recipe)
    let expected = try Checkpoint(contentsOf: fixture("merges/expected.\(name).\(dtype).safetensors"))
    var (ours, theirs) = (0.0, 0.0)
    for (name, tensor) in soup where tensor.dtype.isFloatingPoint {
      #expect(tensor.dtype.name == dtype)
      let exact = try #require(truth[name]).doubles()
      let reference = try expected.tensor(name).doubles()
      for (index, value) in tensor.doubles().enumerated() {
        #expect(abs(value - exact[index]) <= abs(reference[index] - exact[index]) + 1e-9, "\(name)[\(index)]")
        ours += abs(value - exact[index])
        theirs += abs(reference[index] - exact[index])
      }
    }
    #expect(ours <= theirs * (1 + 1e-12))
  }

  @Test(arguments: cases("float32")) func theSameBytesWithAnyNumberOfThreads(name: String) throws {
    let recipe = try Self.recipe(name, "float32")
    let reference = try Mixer(threads: 1).mix(recipe).contents
    #expect(try Mixer(threads: 7).mix(recipe).contents == reference)
  }

  private static func recipe(_ name: String, _ dtype: String) throws -> Recipe {
    let file = try RecipeFile(contentsOf: fixture("merges/\(name).\(dtype).yml"))
    return try #require(file.stages.first).recipe
  }
}

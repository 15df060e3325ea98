import Foundation
import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

/// Soups against what mergekit-pytorch 0.1.5 wrote for the same files and weights.
@Suite struct MergekitLinearTests {
  static let weights = [0.5, 0.3, 0.4]

  @Test(arguments: [("linear", true), ("linear_unnormalised", false)])
  func float32AgreesTo1e6(name: String, normalize: Bool) throws {
    let soup = try Mixer().mix(recipe("float32", normalize: normalize))
    let expected = try Checkpoint(contentsOf: fixture("merges/expected.\(name).float32.safetensors"))
    #expect(Set(soup.names) == Set(expected.entries.map(\.name)))
    for (name, tensor) in soup {
      let theirs = try expected.tensor(name)
      #expect(tensor.dtype == theirs.dtype && tensor.shape == theirs.shape)
      // Relative to the terms of the sum: where they cancel, float32 cannot do better.
      for (index, (a, b)) in zip(tensor.doubles(), theirs.doubles()).enumerated() {
        #expect(abs(a - b) <= 1e-6 * (try magnitude(of: name, at: index)), "\(name)[\(index)]")
      }
    }
  }

  /// Every element is the Float64 value of the formula rounded once, so no other rounding can be nearer.
  @Test(arguments: ["bfloat16", "float16", "float32"]) func neverFartherFromTheTruthThanMergekit(dtype: String) throws {
    let soup = try Mixer().mix(recipe(dtype, normalize: true))
    let expected = try Checkpoint(contentsOf: fixture("merges/expected.linear.\(dtype).safetensors"))
    let models = try (1...3).map { try Checkpoint(contentsOf: fixture("merges/m\($0).\(dtype).safetensors")) }
    var (ours, theirs) = (0.0, 0.0)
    for (name, tensor) in soup {
      let values = try models.map { try $0.tensor(name).doubles() }
      let reference = try expected.tensor(name).doubles()
      for (index, value) in tensor.doubles().enumerated() {
        let truth = zip(values, Self.weights).reduce(0) { $0 + $1.0[index] * $1.1 } / Self.weights.reduce(0, +)
        #expect(abs(value - truth) <= abs(reference[index] - truth) + 1e-15, "\(name)[\(index)]")
        ours += abs(value - truth)
        theirs += abs(reference[index] - truth)
      }
    }
    #expect(ours <= theirs)
  }

  private func recipe(_ dtype: String, normalize: Bool) -> Recipe {
    .weighted(
      zip(1...3, Self.weights).map { (fixture("merges/m\($0).\(dtype).safetensors"), $1) }, normalize: normalize)
  }

  private func magnitude(of name: String, at index: Int) throws -> Double {
    try zip(1...3, Self.weights).reduce(0) { sum, pair in
      let model = try Checkpoint(contentsOf: fixture("merges/m\(pair.0).float32.safetensors"))
      return sum + abs(try model.tensor(name).doubles()[index]) * pair.1
    }
  }
}

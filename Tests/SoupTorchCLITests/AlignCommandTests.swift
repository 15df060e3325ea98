import Foundation
import SoupAlignment
import SoupCheckpoints
import SoupModels
import SoupTensors
import SoupTorch
import Testing

/// Aligning networks, with LibTorch to see what they compute.
@Suite(.serialized) struct AlignCommandTests {
  /// Renumbered, networks of every family give the same logits; aligned again, the same weights.
  @Test(arguments: [
    "resnet20", "cifar-resnet18:image=16", "resnet18:image=32", "vit:dim=48,heads=4,depth=2,patch=8,image=32",
  ])
  func renumberingKeepsTheFunction(architecture: String) throws {
    let configuration = try ModelConfiguration(parsing: architecture)
    let generator = try RandomGenerator(seed: 4)
    let model = try makeModel(configuration, generator: generator, device: .cpu)
    var weights = try model.store.stateDict()
    // As training leaves them, scales and shifts are not all 1 and 0.
    var random = CounterGenerator(seed: 1)
    for (name, tensor) in weights where tensor.shape.count == 1 && tensor.dtype == .float32 {
      weights[name] = try HostTensor(
        floats: tensor.floats().map { $0 + Float(random.uniform()) * 0.5 }, shape: tensor.shape)
    }
    let heads = configuration.transformer?.heads
    let specification = try PermutationSpecification(of: weights, heads: heads)
    let orders = specification.groups.map { group in
      guard let heads, !group.name.hasSuffix("MLP") else { return random.permutation(group.size) }
      // Heads one place on, and each from its end.
      let size = group.size / heads
      return (0..<heads).flatMap { head in (0..<size).reversed().map { (head + 1) % heads * size + $0 } }
    }
    let permutations = try Permutations(orders, of: specification)
    let renumbered = try permutations(weights, specification)
    let (size, channels) = (configuration.imageSize, configuration.channels)
    let images = try Tensor(
      HostTensor(
        floats: (0..<2 * channels * size * size).map { _ in Float(random.normal()) }, shape: [2, channels, size, size]))
    func logits(_ weights: StateDict) throws -> [Float] {
      try model.store.load(weights)
      return try withoutGradients { try model(images, training: false).host().floats() }
    }
    let (before, after) = (try logits(weights), try logits(renumbered))
    let scale = before.map(abs).max() ?? 1
    #expect(zip(before, after).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, scale) })
    // The wide ones take long without optimization, and narrow networks of their names are aligned elsewhere.
    guard !architecture.contains("resnet18") else { return }
    let found = try WeightMatching(threads: 1).align(renumbered, to: weights, heads: heads)
    #expect(found.after.distance == 0)
  }

  /// Two networks trained apart: aligned, the second scores as before, and the barrier between the two is lower.
  @Test func theBarrierBetweenNetworksTrainedApartIsLower() throws {
    let folder = try TemporaryFolder()
    try writeTinyData(to: folder["digits"], train: 320, test: 80)
    let data = "idx:" + folder["digits"]
    func soup(_ arguments: String...) throws -> SoupProgram.Result {
      let result = try SoupProgram.run(SoupProgram.path, arguments, in: folder.path)
      #expect(result.status == 0, "\(result.errors)")
      return result
    }
    for seed in ["1", "2"] {
      _ = try soup(
        "train", "--data", data, "--model", "resnet8", "--epochs", "3", "--batch-size", "32", "--lr", "0.05",
        "--seed", seed, "-o", "\(seed).safetensors", "--threads", "1")
    }
    let report = try soup("align", "1.safetensors", "2.safetensors", "-o", "aligned.safetensors", "--json").outputJSON
    #expect(report["architecture"] as? String == "ResNet" && report["converged"] as? Bool == true)
    func distance(_ key: String) -> Double {
      ((report[key] as? [String: Any])?["distance"] as? Double) ?? .nan
    }
    #expect(distance("after") < distance("before"))
    func score(_ name: String) throws -> [String: Any] {
      try #require(
        soup("evaluate", name, "--data", data, "--threads", "1", "--json").outputJSON["score"] as? [String: Any])
    }
    let (own, moved) = (try score("2.safetensors"), try score("aligned.safetensors"))
    #expect(own["top1"] as? Double == moved["top1"] as? Double)
    let losses = [own, moved].compactMap { $0["loss"] as? Double }
    #expect(losses.count == 2 && abs(losses[0] - losses[1]) < 1e-5)
    func barrier(_ name: String) throws -> Double {
      let line = try soup(
        "landscape", "line", "1.safetensors", name, "--points", "3", "--data", data, "--threads", "1", "--json",
        "--batch-norm", "recompute", "--batch-norm-images", "128")
      let barriers = try #require(line.outputJSON["barrier"] as? [String: Any])
      return try #require((barriers["loss"] as? [String: Any])?["height"] as? Double)
    }
    #expect(try barrier("aligned.safetensors") < barrier("2.safetensors"))
    let inspected = try soup("inspect", "aligned.safetensors")
    #expect(inspected.output.contains("soup.alignment") && inspected.output.contains(#""to":"1.safetensors""#))
    let again = try SoupProgram.run(
      SoupProgram.path, ["align", "1.safetensors", "2.safetensors", "-o", "aligned.safetensors"], in: folder.path)
    #expect(again.status != 0 && again.errors.contains("--force"))
  }
}

import SoupAlignment
import SoupTensors
import Testing

@Suite struct WeightMatchingTests {
  static let networks: [(name: String, make: @Sendable (UInt64) throws -> StateDict, groups: Int)] = [
    // The stem's stream, what padding adds to it twice, and a group inside each of nine blocks.
    ("resnet20", { try Networks.resNet20(seed: $0) }, 1 + 2 + 9),
    // The stem's stream, two projections, two groups inside each of four blocks.
    ("torchvision", { try Networks.bottlenecks(seed: $0, sequentials: false) }, 1 + 2 + 8),
    ("weiaicunzai", { try Networks.bottlenecks(seed: $0, sequentials: true) }, 1 + 2 + 8),
    ("vit", { try Networks.transformer(seed: $0) }, 6),
  ]

  private func bytes(_ weights: StateDict) -> [String: [Double]] {
    weights.reduce(into: [:]) { $0[$1.name] = $1.tensor.doubles() }
  }

  /// A network that was merely renumbered is found again, every number of it.
  @Test(arguments: networks.indices) func aRenumberedNetworkIsFoundAgain(_ index: Int) throws {
    let (name, make, groups) = Self.networks[index]
    for seed in 0..<3 as Range<UInt64> {
      let original = try make(seed)
      let specification = try PermutationSpecification(of: original, heads: 3)
      #expect(specification.groups.count == groups, "\(name)")
      let renumbered = try Networks.permutations(of: specification, seed: seed + 10)(original, specification)
      #expect(bytes(renumbered) != bytes(original))
      let result = try WeightMatching(seed: seed).align(renumbered, to: original, heads: 3)
      #expect(bytes(result.weights) == bytes(original), "\(name)")
      #expect(result.after.distance == 0 && abs(result.after.cosine - 1) < 1e-12 && result.converged)
      #expect(result.before.distance > 1)
    }
  }

  /// The result is the other network's values in other places, nearer than before, and the same for any number of threads.
  @Test(arguments: networks.indices) func independentNetworksComeNearer(_ index: Int) throws {
    let (name, make, _) = Self.networks[index]
    let (a, b) = (try make(1), try make(2))
    let result = try WeightMatching(threads: 1).align(b, to: a, heads: 3)
    #expect(result.after.distance < result.before.distance, "\(name)")
    #expect(result.permutations.moved > 0)
    for (name, tensor) in b {
      #expect(try #require(result.weights[name]).doubles().sorted() == tensor.doubles().sorted(), "\(name)")
    }
    let again = try WeightMatching(threads: 3).align(b, to: a, heads: 3)
    #expect(again.permutations == result.permutations)
  }

  /// Aligned once, a network is where it is to be; a network is aligned with itself.
  @Test func alignmentIsAFixedPoint() throws {
    let (a, b) = (try Networks.resNet20(seed: 1), try Networks.resNet20(seed: 2))
    #expect(try WeightMatching().align(a, to: a).permutations.moved == 0)
    let once = try WeightMatching().align(b, to: a)
    let twice = try WeightMatching().align(once.weights, to: a)
    #expect(twice.after.distance <= once.after.distance)
  }

  /// Wherever a stream is padded with zeros, its channels keep their places among the wider stream's.
  @Test func paddedShortcutsCarryTheOrderOn() throws {
    let network = try Networks.resNet20(seed: 1)
    let specification = try PermutationSpecification(of: network)
    var permutations = Permutations(identityOf: specification)
    let stem = try #require(specification.groups.firstIndex { $0.name == "stem" })
    permutations.orders[stem].swapAt(0, 15)
    let swapped = try permutations(network, specification)
    func column(_ name: String, _ weights: StateDict, _ index: Int) throws -> [Float] {
      let tensor = try #require(weights[name])
      return (0..<tensor.shape[0]).map { tensor.floats()[$0 * tensor.shape[1] + index] }
    }
    // 16 channels lie in the middle of 32, these in the middle of 64: 8 and 16 are before them.
    #expect(try column("linear.weight", swapped, 24) == column("linear.weight", network, 39))
    #expect(try column("linear.weight", swapped, 39) == column("linear.weight", network, 24))
    #expect(try column("linear.weight", swapped, 23) == column("linear.weight", network, 23))
  }

  @Test func whatCannotBeAlignedIsNamed() throws {
    let network = try Networks.resNet20(seed: 1)
    func refused(_ code: AlignmentError.Code, _ parts: String..., by body: () throws -> Void) {
      let error = #expect(throws: AlignmentError.self) { try body() }
      #expect(error?.code == code)
      for part in parts { #expect(error?.description.contains(part) ?? false, "\(error?.description ?? "")") }
    }
    var other = network
    other["linear.bias"] = nil
    other["conv1.weight"] = try HostTensor(floats: [1, 2], shape: [2])
    refused(.different, "'linear.bias' is missing from the second", "'conv1.weight' has shapes [16, 3, 3, 3] and [2]") {
      _ = try WeightMatching().align(other, to: network)
    }
    let unknown = try StateDict([("w", HostTensor(floats: [1], shape: [1]))])
    refused(.unknownArchitecture, "'w'") { _ = try WeightMatching().align(unknown, to: unknown) }
    var extra = network
    extra["layer1.0.se.weight"] = try HostTensor(floats: [1], shape: [1])
    extra["layer2.0.bn2.bias"] = try HostTensor(floats: [1], shape: [1])
    refused(.unexpectedTensors, "'layer1.0.se.weight' has no place", "'layer2.0.bn2.bias' has shape [1], expected 32") {
      _ = try WeightMatching().align(extra, to: extra)
    }
    var broken = network
    broken["linear.bias"] = try HostTensor(floats: [Float](repeating: .nan, count: 10), shape: [10])
    refused(.notFinite, "'linear.bias' of the second has 10") { _ = try WeightMatching().align(broken, to: network) }
    let vit = try Networks.transformer(seed: 1)
    refused(.unknownArchitecture, "--heads") { _ = try WeightMatching().align(vit, to: vit) }
    let specification = try PermutationSpecification(of: vit, heads: 3)
    var torn = Permutations(identityOf: specification).orders
    torn[0].swapAt(0, 23)
    refused(.badPermutation, "whole heads") { _ = try Permutations(torn, of: specification) }
    torn = Permutations(identityOf: specification).orders
    torn[1][0] = 1
    refused(.badPermutation, "every number from 0 to 23 once") { _ = try Permutations(torn, of: specification) }
  }
}

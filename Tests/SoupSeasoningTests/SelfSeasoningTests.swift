import Foundation
import SoupCheckpoints
import SoupData
import SoupMixing
import SoupModels
import SoupSeasoning
import SoupTensors
import SoupTorch
import Testing

@Suite(.serialized) struct SelfSeasoningTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func finished(
    _ seasoning: SelfSeasoning, _ paths: [String], _ data: (any ImageDataset)? = nil, _ model: (any Model)? = nil
  ) throws -> SelfSeasonedResult {
    guard
      case .finished(let result) = try seasoning.season(
        paths, model: model ?? tinyModel(), data: data ?? tinyImages())
    else { throw SoupTestFailure() }
    return result
  }

  private var quick: SelfSeasoning {
    SelfSeasoning(objective: NeighbourEntropy(neighbours: 8), epochs: 3, batchSize: 20, seed: 3)
  }

  /// The derivative of the entropy along the coefficients, from one backward pass and inner products, by central differences of
  /// the entropy itself.
  @Test(arguments: [tinyResNet, tinyViT]) func gradientIsThatOfFiniteDifferences(text: String) throws {
    let paths = try writeTinyIngredients(3, of: text, to: folder)
    let model = try tinyModel(text)
    let gradient = MixtureGradient(try StreamedMixture(paths, into: model.store), model: model, extent: .model)
    let batch = try #require(try DataLoader(tinyImages(), batchSize: 40).batches(epoch: 0).next())
    let images = try Tensor(batch.images)
    // All neighbours count: no derivative jumps when two of them change places.
    let objective = NeighbourEntropy(neighbours: 39, temperature: 0.5)
    func value(_ raw: [Double]) throws -> (loss: Double, slopes: [Double]) {
      let coefficients = try MixtureCoefficients.at([raw])
      let found = try gradient.derivatives(coefficients) { _ in try objective(model.features(images, training: false)) }
      return (found.loss, coefficients.chain(found.weights)[0])
    }
    let start = [0.3, -0.2, 0.1]
    let slopes = try value(start).slopes
    #expect(abs(slopes.reduce(0, +)) < 1e-5)
    for index in 0..<3 {
      let h = 1e-2
      var (above, below) = (start, start)
      above[index] += h
      below[index] -= h
      let expected = (try value(above).loss - value(below).loss) / (2 * h)
      // A step crosses kinks of some ReLUs; a ViT is smooth.
      let tolerance = text == tinyViT ? 2e-4 : 2e-3
      #expect(abs(slopes[index] - expected) < tolerance, "\(slopes[index]) \(expected)")
    }
  }

  /// What autograd finds when the mixture itself is part of the graph: a ViT's patch projection, which is a matrix product.
  @Test func gradientIsThatOfAutogradThroughTheMixture() throws {
    let paths = try writeTinyIngredients(3, of: tinyViT, to: folder)
    let model = try tinyModel(tinyViT)
    let gradient = MixtureGradient(try StreamedMixture(paths, into: model.store), model: model, extent: .model)
    let coefficients = try MixtureCoefficients.at([[0.3, -0.2, 0.1]])
    let batch = try #require(try DataLoader(tinyImages(), batchSize: 30).batches(epoch: 0).next())
    let images = try Tensor(batch.images)
    let objective = NeighbourEntropy(neighbours: 8)
    let found = try gradient.derivatives(coefficients) { _ in try objective(model.features(images, training: false)) }

    // Leaves hold the mixture; the sum over ingredients is a graph whose derivative at the leaves' gradients is wanted.
    let alpha = try coefficients.weights[0].map { try Tensor([Float($0)], shape: []).requireGradient() }
    let ingredients = try paths.map { try Checkpoint(contentsOf: $0).stateDict() }
    for (_, tensor) in model.store.parameters { tensor.clearGradient() }
    let loss = try objective(model.features(images, training: false))
    try loss.backward()
    var sum: Tensor?
    for (name, tensor) in model.store.parameters {
      guard let g = try tensor.gradient?.detach() else { continue }
      for (ingredient, alpha) in zip(ingredients, alpha) {
        let term = try (Tensor(#require(ingredient[name])) * alpha * g).sum()
        sum = try sum.map { try $0 + term } ?? term
      }
    }
    try sum?.backward()
    #expect(abs(try loss.item() - found.loss) < 1e-6)
    for (index, alpha) in alpha.enumerated() {
      let expected = try #require(alpha.gradient).item()
      #expect(abs(found.weights[0][index] - expected) < 1e-5 * max(1, abs(expected)))
    }
  }

  /// One ingredient sees which column of its patches is bright, and its features fall into three clusters; one sees differences
  /// of pixels that are noise. With more neighbours than a cluster has images, the entropy is lower where there are clusters.
  @Test func endsAtTheIngredientThatClusters() throws {
    let text = "vit:patch=4,dim=16,depth=1,heads=2,pool=mean,classes=3,channels=1,image=8"
    let images = try stripes()
    func write(_ name: String, _ weight: (_ output: Int, _ row: Int, _ column: Int) -> Float) throws -> String {
      var dict = StateDict()
      for (parameter, tensor) in try tinyModel(text).store.stateDict() {
        // Blocks that add nothing, and no positions: features are the norm of the mean patch's projection.
        let isSilent = ["attn.proj", "mlp.fc2", "pos_embed", "patch_embed.proj.bias"].contains {
          parameter.contains($0)
        }
        let values =
          parameter == "patch_embed.proj.weight"
          ? (0..<256).map { weight($0 / 16, $0 % 16 / 4, $0 % 4) }
          : isSilent ? Array(repeating: 0, count: tensor.count) : tensor.floats()
        try dict.add(parameter, HostTensor(floats: values, shape: tensor.shape))
      }
      try CheckpointWriter.write(dict, to: folder[name])
      return folder[name]
    }
    let clusters = try write("clusters.safetensors") { output, _, column in output == column ? 0.25 : 0 }
    let noise = try write("noise.safetensors") { output, row, column in
      guard output % 4 == column else { return 0 }
      return row == output / 4 ? 1 : row == (output / 4 + 1) % 4 ? -1 : 0
    }
    let seasoning = SelfSeasoning(
      objective: NeighbourEntropy(neighbours: 16, temperature: 0.5), epochs: 30, batchSize: 30)
    let model = try tinyModel(text)
    func entropy(_ recipe: Recipe) throws -> Double { try seasoning.entropy(of: recipe, model: model, data: images) }
    let (low, high) = (try entropy(.uniform([clusters])), try entropy(.uniform([noise])))
    #expect(low < high - 0.1, "\(low) \(high)")
    for paths in [[clusters, noise], [noise, clusters]] {
      let result = try finished(seasoning, paths, images, tinyModel(text))
      #expect(result.weights[paths[0] == clusters ? 0 : 1] > 0.9, "\(result.weights)")
      #expect(try entropy(result.recipe) < entropy(.uniform(paths)))
      #expect(result.entropies.count == 30)
      #expect(result.entropies[result.bestEpoch] == result.entropies.min())
    }
  }

  /// The same images under other labels: the same numbers to the last bit.
  @Test func labelsAreNotRead() throws {
    let paths = try writeTinyIngredients(3, to: folder)
    let images = try tinyImages()
    let result = try finished(quick, paths, images)
    #expect(try finished(quick, paths, Unlabelled(base: images)) == result)
    #expect(Set(result.weights).count == 3)
    #expect(abs(result.weights.reduce(0, +) - 1) < 1e-12)
  }

  /// Stopped after any step and continued, a search ends with the same numbers to the last bit.
  @Test func resumingChangesNothing() throws {
    let paths = try writeTinyIngredients(3, to: folder)
    var cut = quick
    cut.steps = 8
    let whole = try finished(cut, paths)
    #expect(whole.entropies.count == 3)
    let saving = LearnedSoup.Saving(path: folder["state"], every: .zero)
    var stops = 0
    while true {
      let outcome = try cut.season(
        paths, model: tinyModel(), data: tinyImages(), saving: saving,
        shouldStop: {
          stops += 1
          return stops % 2 == 0
        })
      guard case .finished(let result) = outcome else { continue }
      #expect(stops > 4)
      #expect(result == whole)
      break
    }
    var other = cut
    other.objective.temperature = 1
    let error = #expect(throws: SeasoningError.self) {
      _ = try other.season(paths, model: tinyModel(), data: tinyImages(), saving: saving)
    }
    #expect(error?.code == .badState)
  }

  /// The recipe makes, tensor by tensor, the weights that the search ended with.
  @Test func theRecipeMakesTheSoup() throws {
    let paths = try writeTinyIngredients(3, to: folder)
    let model = try tinyModel()
    let result = try finished(quick, paths, nil, model)
    let soup = try Mixer().mix(result.recipe)
    for (name, tensor) in try model.store.stateDict() { #expect(soup[name]?.doubles() == tensor.doubles(), "\(name)") }
  }

  @Test func theRateFallsByACosine() {
    let seasoning = SelfSeasoning()
    #expect(seasoning.rate(epoch: 0, of: 100) == 0.1)
    #expect(abs(seasoning.rate(epoch: 50, of: 100) - 0.055) < 1e-12)
    #expect(abs(seasoning.rate(epoch: 99, of: 100) - 0.0100222) < 1e-7)
  }

  @Test func refusesWhatCannotWork() throws {
    let paths = try writeTinyIngredients(2, to: folder)
    func code(_ seasoning: SelfSeasoning, _ paths: [String], _ data: MemoryDataset? = nil) -> SeasoningError.Code? {
      (#expect(throws: SeasoningError.self) { try finished(seasoning, paths, data) })?.code
    }
    // The default asks for batches of at least 17 images.
    #expect(code(SelfSeasoning(), paths, try tinyImages(count: 12)) == .badConfiguration)
    #expect(code(SelfSeasoning(batchSize: 16), paths) == .badConfiguration)
    #expect(code(SelfSeasoning(learningRate: 0), paths) == .badConfiguration)
    #expect(code(SelfSeasoning(learningRate: 0.1, finalLearningRate: 0.2), paths) == .badConfiguration)
    #expect(code(SelfSeasoning(epochs: 0), paths) == .badConfiguration)
    #expect(code(quick, [paths[0], paths[0]]) == .repeatedIngredient)

    // Collapsed encoders, and ones that are not finite.
    for (value, expected) in [(Float(0), SeasoningError.Code.constantFeatures), (.nan, .diverged)] {
      var dict = StateDict()
      for (name, tensor) in try tinyModel().store.stateDict() {
        let isWeight = name.hasSuffix("weight") && tensor.shape.count == 4
        try dict.add(
          name,
          isWeight
            ? HostTensor(floats: Array(repeating: value, count: tensor.count), shape: tensor.shape) : tensor)
      }
      let broken = folder["broken\(value).safetensors"]
      try CheckpointWriter.write(dict, to: broken)
      #expect(code(quick, [broken]) == expected)
    }
    // One class is no obstacle: nobody asks.
    let images = try tinyImages()
    let one = try Subset(of: images, indices: (0..<60).filter { $0 % 3 == 0 })
    #expect(try finished(quick, paths, one).weights.count == 2)
  }
}

/// Images of three classes: which column of four is bright.
private func stripes(count: Int = 60, size: Int = 8) throws -> MemoryDataset {
  var random = CounterGenerator(seed: 4)
  let pixels = HostStorage(count: count * size * size) { bytes in
    for index in bytes.indices {
      let bright = index % 4 == index / (size * size) % 3
      bytes[index] = UInt8(random.uniform() * 60) + (bright ? 150 : 0)
    }
  }
  return try MemoryDataset(
    name: "stripes", classNames: ["first", "second", "third"], channels: 1, height: size, width: size, pixels: pixels,
    labels: (0..<count).map { $0 % 3 })
}

/// The same images with other labels, which complain when they are counted on.
private struct Unlabelled: ImageDataset {
  let base: MemoryDataset
  var name: String { base.name }
  var count: Int { base.count }
  var classNames: [String] { base.classNames }
  var channels: Int { base.channels }
  var height: Int { base.height }
  var width: Int { base.width }
  var normalization: Normalization { base.normalization }
  func label(at index: Int) -> Int { (index * 7 + 1) % 3 }
  func copyPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) {
    base.copyPixels(at: index, into: pixels)
  }
}

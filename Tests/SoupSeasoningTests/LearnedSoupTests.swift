import Foundation
import SoupCheckpoints
import SoupData
import SoupMixing
import SoupModels
import SoupSeasoning
import SoupTensors
import SoupTorch
import Testing

@Suite(.serialized) struct LearnedSoupTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func batch(_ count: Int = 24) throws -> (images: Tensor, labels: Tensor) {
    let batch = try #require(try DataLoader(tinyImages(), batchSize: count).batches(epoch: 0).next())
    return (try Tensor(batch.images), try Tensor(batch.labels))
  }

  /// Coefficients away from the uniform start, reached by a few arbitrary steps.
  private func coefficients(rows: Int, ingredients: Int) -> MixtureCoefficients {
    var result = MixtureCoefficients(rows: rows, ingredients: ingredients)
    var random = CounterGenerator(seed: 5)
    for _ in 0..<3 {
      result.step(
        (0..<rows).map { _ in (0..<ingredients).map { _ in random.normal() } }, temperature: 0.3, learningRate: 0.2)
    }
    return result
  }

  @Test func startsAtTheUniformSoup() throws {
    let start = MixtureCoefficients(rows: 3, ingredients: 4)
    #expect(start.weights == Array(repeating: Array(repeating: 0.25, count: 4), count: 3))
    #expect(start.temperature == 1)
    let paths = try writeTinyIngredients(4, to: folder)
    let model = try tinyModel()
    let mixture = try StreamedMixture(paths, into: model.store)
    let gradient = MixtureGradient(mixture, model: model, extent: .tensor)
    try mixture.mix(gradient.tensorWeights(MixtureCoefficients(rows: gradient.rowCount, ingredients: 4)))
    let uniform = try Mixer().mix(.uniform(paths))
    for (name, tensor) in try model.store.stateDict() where tensor.dtype.isFloatingPoint {
      #expect(tensor.floats() == uniform[name]?.floats(), "\(name)")
    }
  }

  /// `∂L/∂α` from one backward pass and inner products is what autograd finds through the sum of all models.
  @Test(arguments: [tinyResNet, tinyViT], MixtureCoefficients.Extent.allCases)
  func gradientIsThatOfAutogradThroughTheMixture(text: String, extent: MixtureCoefficients.Extent) throws {
    let count = 3
    let paths = try writeTinyIngredients(count, of: text, to: folder)
    let model = try tinyModel(text)
    let mixture = try StreamedMixture(paths, into: model.store)
    let gradient = MixtureGradient(mixture, model: model, extent: extent)
    let start = coefficients(rows: gradient.rowCount, ingredients: count)
    let (images, labels) = try batch()
    let value = try gradient(start, images: images, labels: labels)

    // The same loss, with every tensor of the model the head of a graph that ends in the coefficients.
    let explicit = try ExplicitMixture(text, paths: paths, extent: extent, coefficients: start)
    let (loss, weights, temperature) = try explicit.differentiate(images: images, labels: labels)
    #expect(abs(loss - value.loss) < 1e-5)
    #expect(abs(temperature - value.temperature) < 1e-5)
    for (row, expected) in zip(value.weights, weights) {
      for (found, expected) in zip(row, expected) { #expect(abs(found - expected) < 1e-5 * max(1, abs(expected))) }
    }
  }

  /// The derivative along random directions of `a` and β, by central differences of the loss itself.
  @Test(arguments: [tinyResNet, tinyViT], MixtureCoefficients.Extent.allCases)
  func gradientIsThatOfFiniteDifferences(text: String, extent: MixtureCoefficients.Extent) throws {
    let count = 3
    let paths = try writeTinyIngredients(count, of: text, to: folder)
    let model = try tinyModel(text)
    let gradient = MixtureGradient(try StreamedMixture(paths, into: model.store), model: model, extent: extent)
    let start = MixtureCoefficients(rows: gradient.rowCount, ingredients: count)
    let (images, labels) = try batch()
    let value = try gradient(start, images: images, labels: labels)
    let chained = start.chain(value.weights)
    var random = CounterGenerator(seed: 2)
    for _ in 0..<3 {
      let direction = chained.map { $0.map { _ in random.normal() } }
      let expected = zip(chained, direction).reduce(0) { $0 + zip($1.0, $1.1).reduce(0) { $0 + $1.0 * $1.1 } }
      func loss(_ h: Double) throws -> Double {
        let moved = try MixtureCoefficients.at(direction.map { $0.map { $0 * h } })
        return try gradient(moved, images: images, labels: labels).loss
      }
      let h = 2e-3
      let found = (try loss(h) - loss(-h)) / (2 * h)
      // Each step crosses kinks of some ReLUs; a ViT is smooth.
      let tolerance = text == tinyViT ? 2e-3 : 2e-2
      #expect(abs(found - expected) < tolerance * max(0.1, abs(expected)), "\(found) \(expected)")
    }
  }

  /// One ingredient leaves nothing to choose: the soup is that ingredient, whatever is done.
  @Test(arguments: MixtureCoefficients.Extent.allCases)
  func oneIngredientIsTheSoup(extent: MixtureCoefficients.Extent) throws {
    let paths = try writeTinyIngredients(1, to: folder)
    let result = try finished(LearnedSoup(extent, epochs: 1, batchSize: 16), paths)
    #expect(result.weights.allSatisfy { $0 == [1] })
    let (soup, own) = (try Mixer().mix(result.recipe), try Checkpoint(contentsOf: paths[0]).stateDict())
    for (name, tensor) in own { #expect(soup[name]?.doubles() == tensor.doubles()) }
  }

  /// On the images that it learns from, the learned soup has a lower loss than the uniform one, and by tensor a lower one
  /// still.
  @Test func learningLowersTheLoss() throws {
    let paths = try writeTinyIngredients(4, noise: 0.3, to: folder)
    let model = try tinyModel()
    let batch = try batch(60)
    func loss(_ extent: MixtureCoefficients.Extent, _ coefficients: MixtureCoefficients) throws -> Double {
      let mixture = try StreamedMixture(paths, into: model.store)
      return try MixtureGradient(mixture, model: model, extent: extent)(
        coefficients, images: batch.images, labels: batch.labels
      ).loss
    }
    let uniform = try loss(.model, MixtureCoefficients(rows: 1, ingredients: 4))
    let global = try finished(LearnedSoup(.model, epochs: 20, batchSize: 20), paths)
    let layers = try finished(LearnedSoup(.tensor, epochs: 20, batchSize: 20), paths)
    let (learned, layerwise) = (try loss(.model, global.coefficients), try loss(.tensor, layers.coefficients))
    #expect(learned < uniform)
    #expect(layerwise < learned)
    #expect(global.epochs.count == 20)
    for row in global.weights + layers.weights { #expect(abs(row.reduce(0, +) - 1) < 1e-12) }
  }

  /// The recipe makes, tensor by tensor, the weights that the search ended with, and survives its JSON.
  @Test(arguments: MixtureCoefficients.Extent.allCases)
  func theRecipeMakesTheSoup(extent: MixtureCoefficients.Extent) throws {
    let paths = try writeTinyIngredients(3, to: folder)
    let model = try tinyModel()
    let result = try finished(LearnedSoup(extent, epochs: 2, batchSize: 30), paths, model)
    let soup = try Mixer().mix(Recipe(json: result.recipe.json()))
    for (name, tensor) in try model.store.stateDict() {
      #expect(soup[name]?.doubles() == tensor.doubles(), "\(name)")
    }
  }

  /// Stopped after any step and continued, a search ends with the same numbers to the last bit.
  @Test func resumingChangesNothing() throws {
    let paths = try writeTinyIngredients(3, to: folder)
    let soup = LearnedSoup(.tensor, epochs: 2, batchSize: 16, seed: 3)
    let whole = try finished(soup, paths)
    let saving = LearnedSoup.Saving(path: folder["state"], every: .zero)
    var stops = 0
    while true {
      let outcome = try soup.season(
        paths, model: tinyModel(), data: tinyImages(), saving: saving,
        shouldStop: {
          stops += 1
          return stops % 3 == 0
        })
      guard case .finished(let result) = outcome else { continue }
      #expect(stops > 5)
      #expect(result.coefficients == whole.coefficients)
      #expect(result.epochs == whole.epochs)
      break
    }
    var other = soup
    other.learningRate = 1
    let error = #expect(throws: SeasoningError.self) {
      _ = try other.season(paths, model: tinyModel(), data: tinyImages(), saving: saving)
    }
    #expect(error?.code == .badState)
  }

  /// Blocks, threads and dtypes do not show in the sums.
  @Test func anyNumberOfThreadsGivesTheSameBytes() throws {
    let paths = try writeTinyIngredients(3, to: folder)
    let model = try tinyModel()
    let weights = (0..<200).map { [0.2 + 0.001 * Double($0), 0.5, 0.3] }
    var first: [[Double]]?
    for threads in [1, 2, 5] {
      let mixture = try StreamedMixture(paths, into: model.store, threads: threads)
      let products = try mixture.products(
        mixture.names.map { name in try #require(model.store[name]).to(.float32).host() })
      try mixture.mix(Array(weights.prefix(mixture.names.count)))
      if let first { #expect(products == first) } else { first = products }
      try model.store.load(Checkpoint(contentsOf: paths[0]).stateDict())
    }
  }

  @Test func refusesWhatMakesNoSense() throws {
    let paths = try writeTinyIngredients(2, to: folder)
    for soup in [LearnedSoup(learningRate: 0), LearnedSoup(epochs: 0), LearnedSoup(batchSize: 0)] {
      let error = #expect(throws: SeasoningError.self) { try finished(soup, paths) }
      #expect(error?.code == .badConfiguration)
    }
    #expect(throws: SeasoningError.self) { try finished(LearnedSoup(), [paths[0], paths[0]]) }
    #expect(throws: StateDictMismatch.self) { try finished(LearnedSoup(), paths, tinyModel(tinyViT)) }
  }

  @discardableResult
  private func finished(_ soup: LearnedSoup, _ paths: [String], _ model: (any Model)? = nil) throws -> LearnedResult {
    guard case .finished(let result) = try soup.season(paths, model: model ?? tinyModel(), data: tinyImages()) else {
      throw SoupTestFailure()
    }
    return result
  }
}

struct SoupTestFailure: Error {}

extension MixtureCoefficients {
  /// Coefficients with given free numbers, through their JSON.
  static func at(_ raw: [[Double]]) throws -> MixtureCoefficients {
    let start = MixtureCoefficients(rows: raw.count, ingredients: raw[0].count)
    var object =
      try JSONSerialization.jsonObject(with: JSONEncoder().encode(start)) as? [String: Any] ?? [:]
    object["raw"] = raw
    return try JSONDecoder().decode(Self.self, from: JSONSerialization.data(withJSONObject: object))
  }
}

/// The published procedure: all models in memory, their weighted sum as a graph. A model of ours has leaves as weights, so
/// the graph is cut at them: `s = Σ_t ⟨g_t, Σᵢ α_{t,i} θ_{i,t}⟩` has the derivative of the loss with respect to α, where
/// `g_t` is the loss's derivative at leaves that hold the mixture, running statistics among them.
private struct ExplicitMixture {
  let model: any Model
  let rows: [Tensor]
  let temperature: Tensor
  let ingredients: [StateDict]
  let extent: MixtureCoefficients.Extent

  init(
    _ text: String, paths: [String], extent: MixtureCoefficients.Extent, coefficients: MixtureCoefficients
  ) throws {
    model = try tinyModel(text)
    self.extent = extent
    ingredients = try paths.map { try Checkpoint(contentsOf: $0).stateDict() }
    rows = try coefficients.weights.map { row in
      try Tensor(HostTensor(doubles: row, shape: [row.count])).requireGradient()
    }
    temperature = try Tensor([Float(coefficients.temperature)], shape: []).requireGradient()
  }

  func differentiate(images: Tensor, labels: Tensor) throws -> (Double, [[Double]], Double) {
    var mixed: [(leaf: Tensor, graph: Tensor, norm: BatchNorm2d?)] = []
    var row = 0
    let mean = try rows.dropFirst().reduce(rows[0]) { try $0 + $1 } / Double(rows.count)
    for entry in model.store.entries where entry.tensor.dtype.isFloatingPoint {
      var alpha = mean
      if entry.isParameter {
        alpha = rows[extent == .tensor ? row : 0]
        row += 1
      }
      let models = try ingredients.map { dict in
        try Tensor(HostTensor(doubles: dict[entry.name]!.doubles(), shape: [dict[entry.name]!.count]))
      }
      let graph = try models.enumerated().dropFirst().reduce(models[0] * alpha.slice(0, start: 0, end: 1)) {
        sum, item in
        try sum + item.element * alpha.slice(0, start: item.offset, end: item.offset + 1)
      }
      let leaf = entry.tensor
      try leaf.copy(from: HostTensor(doubles: graph.detach().host().doubles(), shape: leaf.shape))
      mixed.append((leaf, graph, nil))
    }
    // Batch norm from its formula, with statistics that ask for gradients.
    let logits = try forward(images)
    let loss = try crossEntropy(logits * temperature, labels: labels)
    try loss.backward()
    var sum: Tensor?
    for (leaf, graph, _) in mixed {
      guard let g = leaf.gradient else { continue }
      let term = try (graph * Tensor(HostTensor(doubles: g.host().doubles(), shape: [g.count]))).sum()
      sum = try sum.map { try $0 + term } ?? term
    }
    try sum?.backward()
    return (
      try loss.item(), try rows.map { try $0.gradient!.host().doubles() }, try temperature.gradient!.item()
    )
  }

  private func forward(_ images: Tensor) throws -> Tensor {
    for entry in model.store.entries where entry.tensor.dtype.isFloatingPoint { try entry.tensor.requireGradient() }
    guard !model.batchNorms.isEmpty else { return try model(images, training: false) }
    return try PlainResNet8(model.store)(images)
  }
}

/// ResNet-8 of the tiny images in elementary operations, from its published description.
private struct PlainResNet8 {
  let store: ParameterStore

  init(_ store: ParameterStore) { self.store = store }

  func callAsFunction(_ images: Tensor) throws -> Tensor {
    var x = try norm("bn1", convolve(images, "conv1", 1)).relu()
    for stage in 1...3 {
      let name = "layer\(stage).0"
      let stride = stage == 1 ? 1 : 2
      var y = try norm(name + ".bn1", convolve(x, name + ".conv1", stride)).relu()
      y = try norm(name + ".bn2", convolve(y, name + ".conv2", 1))
      var shortcut = x
      if stage > 1 {
        let extra = (y.shape[1] - x.shape[1]) / 2
        shortcut = try x.slice(2, step: 2).slice(3, step: 2).padded([0, 0, 0, 0, extra, extra])
      }
      x = try (y + shortcut).relu()
    }
    let features = try x.mean(over: [2, 3])
    return try features.matmul(store["linear.weight"]!.transpose(0, 1)) + store["linear.bias"]!
  }

  private func convolve(_ x: Tensor, _ name: String, _ stride: Int) throws -> Tensor {
    try x.convolved(store[name + ".weight"]!, nil, ConvolutionGeometry(stride: stride, padding: 1))
  }

  private func norm(_ name: String, _ x: Tensor) throws -> Tensor {
    func vector(_ part: String) throws -> Tensor { try store["\(name).\(part)"]!.reshape([1, -1, 1, 1]) }
    let deviation = try (vector("running_var") + 1e-5).squareRoot()
    return try (x - vector("running_mean")) / deviation * vector("weight") + vector("bias")
  }
}

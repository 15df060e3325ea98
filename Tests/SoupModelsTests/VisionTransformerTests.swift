import SoupModels
import SoupTensors
import SoupTorch
import Testing

@Suite("Vision transformers")
struct VisionTransformerTests {
  @Test("the sine-cosine table has the published order and values")
  func sinCos() throws {
    let small = try makeModel(
      .init(parsing: "vit:patch=1,image=2,dim=8,heads=2,depth=1,position=sincos"), generator: RandomGenerator(seed: 1))
    let table = try #require(small.store["pos_embed"])
    #expect(table.shape == [1, 5, 8] && !table.requiresGradient)
    let expected: [Double] = [
      0, 0, 0, 0, 0, 0, 0, 0,
      0, 0, 1, 1, 0, 0, 1, 1,
      0.841471, 0.01, 0.540302, 0.99995, 0, 0, 1, 1,
      0, 0, 1, 1, 0.841471, 0.01, 0.540302, 0.99995,
      0.841471, 0.01, 0.540302, 0.99995, 0.841471, 0.01, 0.540302, 0.99995,
    ]
    #expect(zip(try table.doubles(), expected).allSatisfy { abs($0 - $1) < 1e-6 })
    let base = try makeModel(
      .init(parsing: "vit-base:depth=1,position=sincos"), generator: RandomGenerator(seed: 1))
    let sum = try #require(base.store["pos_embed"]).doubles().reduce(0, +)
    #expect(abs(sum - 69594.4939) < 0.01)
  }

  @Test("drop path draws from the generator, drops whole images and keeps the mean")
  func dropPath() throws {
    let configuration = try ModelConfiguration(
      parsing: "vit:patch=4,image=8,dim=16,heads=2,depth=4,classes=3,channels=1")
    func outputs(_ rate: Double, seed: UInt64, training: Bool) throws -> [Double] {
      let model = try makeModel(configuration, dropPath: rate, generator: RandomGenerator(seed: seed))
      var dict = StateDict()
      for (name, tensor) in model.store.parameters {
        try dict.add(name, Hashed.parameter(name, shape: tensor.shape))
      }
      try model.store.load(dict)
      // One image, 64 times: without drop path all rows are equal.
      let (image, _) = try Hashed.batch(configuration, 1, "images")
      return try withoutGradients { try model(image.expand([64, 1, 8, 8]), training: training).doubles() }
    }
    func distinctRows(_ values: [Double]) -> Int {
      Set((0..<64).map { row in values[3 * row..<3 * row + 3].map { ($0 * 1e4).rounded() } }).count
    }
    #expect(distinctRows(try outputs(0.5, seed: 1, training: false)) == 1)
    #expect(distinctRows(try outputs(0, seed: 1, training: true)) == 1)
    #expect(distinctRows(try outputs(0.5, seed: 1, training: true)) > 5)
    #expect(try outputs(0.5, seed: 1, training: true) == outputs(0.5, seed: 1, training: true))
    #expect(try outputs(0.5, seed: 1, training: true) != outputs(0.5, seed: 2, training: true))
  }

  // That the logits are those of PyTorch's full last block is tested with the other numbers; this is the backward side.
  @Test("the last block's shortcut to the class token still sends gradients to every token")
  func classToken() throws {
    let configuration = try ModelConfiguration(
      parsing: "vit:patch=4,image=8,dim=16,heads=2,depth=1,classes=3,channels=1")
    let model = try Hashed.model(configuration)
    let (images, labels) = try Hashed.batch(configuration, 4, "images")
    try crossEntropy(model(images, training: true), labels: labels).backward()
    let positions = try #require(model.store["pos_embed"]?.gradient).doubles()
    for token in 0..<5 {
      #expect(positions[token * 16..<token * 16 + 16].contains { abs($0) > 1e-6 }, "token \(token) gets no gradient")
    }
  }
}

import SoupCheckpoints
import SoupModels
import SoupTensors
import SoupTorch
import Testing

@Suite("Reading the architecture off a checkpoint")
struct InferredConfigurationTests {
  @Test(
    "names and shapes tell the configuration",
    arguments: [
      "resnet8:classes=7", "resnet20:channels=1,image=28,width=2", "resnet110", "cifar-resnet18",
      "cifar-resnet34:classes=3",
      "cifar-resnet50", "resnet18:classes=10", "resnet34", "resnet50:channels=1", "vit-tiny:image=32,patch=4,depth=2",
      "vit-small:image=32,patch=8,depth=1,classes=3,mlp=2.0", "vit:image=28,patch=7,dim=128,depth=1,heads=2,pool=mean",
      "vit-tiny:image=32,depth=1,position=sincos",
    ])
  func inferred(_ text: String) throws {
    let configuration = try ModelConfiguration(parsing: text)
    let dict = try makeModel(configuration, generator: RandomGenerator(seed: 1)).store.stateDict()
    #expect(try ModelConfiguration(inferring: dict, imageSize: configuration.imageSize) == configuration)
  }

  private struct Foreign: Decodable {
    let configuration: ModelConfiguration
    let logits: [Double]
  }

  @Test("a checkpoint that PyTorch wrote loads strictly and predicts as in PyTorch", arguments: ["resnet8", "vit"])
  func foreign(_ name: String) throws {
    let expected: Foreign = try fixture("foreign-" + name)
    let checkpoint = try Checkpoint(contentsOf: fixtures.appending(path: "foreign-\(name).safetensors").path)
    let dict = try checkpoint.stateDict()
    #expect(try ModelConfiguration(metadata: checkpoint.metadata) == nil)
    let configuration = try ModelConfiguration(inferring: dict, imageSize: 28)
    #expect(configuration == expected.configuration)
    let model = try makeModel(configuration, generator: RandomGenerator(seed: 1))
    try model.store.load(dict)
    let (images, _) = try Hashed.batch(configuration, 4, "images")
    let logits = try withoutGradients { try model(images, training: false).doubles() }
    #expect(deviation(logits, expected.logits) < 1e-5)
  }

  @Test("what cannot be recognised says why")
  func unrecognised() throws {
    let model = try makeModel(.init(parsing: "vit:patch=4,image=8,dim=8,heads=2,depth=1"), generator: .init(seed: 1))
    var headless = try model.store.stateDict()
    headless["head.weight"] = nil
    var crooked = try model.store.stateDict()
    crooked["pos_embed"] = try HostTensor(floats: [Float](repeating: 0, count: 32), shape: [1, 4, 8])
    let strange = try StateDict([("embedding.weight", HostTensor(floats: [1], shape: [1]))])
    for (dict, hint) in [
      (headless, "head.weight"), (crooked, "pos_embed"), (strange, "embedding.weight"), (StateDict(), "none"),
    ] {
      let error = #expect(throws: ModelError.self) { try ModelConfiguration(inferring: dict) }
      #expect(error?.code == .notRecognised)
      #expect(error?.description.contains(hint) == true)
    }
  }

  @Test("loading another architecture lists every mismatch in one error")
  func strict() throws {
    let generator = try RandomGenerator(seed: 1)
    let model = try makeModel(.init(.resNet8), generator: generator)
    let other = try makeModel(.init(.resNet14, classes: 5), generator: generator).store.stateDict()
    let before = try model.store.stateDict()
    let error = #expect(throws: StateDictMismatch.self) { try model.store.load(other) }
    #expect(error?.missing == [])
    #expect(error?.unexpected.count == 36)
    #expect(error?.shapes.map(\.name) == ["linear.weight", "linear.bias"])
    for (name, tensor) in try model.store.stateDict() { #expect(tensor.doubles() == before[name]?.doubles()) }
  }
}

import SoupModels
import SoupTensors
import SoupTorch
import Testing

@Suite("Initialisation")
struct InitialisationTests {
  private func deviation(_ tensor: Tensor?) throws -> Double {
    let values = try #require(tensor).doubles()
    let mean = values.reduce(0, +) / Double(values.count)
    return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
  }

  struct Expectation: Sendable {
    let model: String
    let parameter: String
    let variance: Double

    init(_ model: String, _ parameter: String, variance: Double) {
      self.model = model
      self.parameter = parameter
      self.variance = variance
    }
  }

  @Test(
    "weights have the published variance",
    arguments: [
      // He et al.: 2/fan; torchvision takes the fan out. PyTorch's default is uniform in ±1/√fan: a third of 1/fan.
      Expectation("resnet20:width=4", "layer2.1.conv1.weight", variance: 2 / 1152),
      Expectation("resnet20:width=4", "linear.weight", variance: 2 / 256),
      Expectation("cifar-resnet18", "conv4_x.1.residual_function.0.weight", variance: 1 / 6912),
      Expectation("resnet18", "layer2.0.conv1.weight", variance: 2 / 1152),
      Expectation("resnet18", "layer2.0.downsample.0.weight", variance: 2 / 128),
      Expectation("resnet18", "fc.weight", variance: 1 / 1536),
      Expectation("vit-tiny:depth=2", "blocks.1.attn.qkv.weight", variance: 4e-4),
      Expectation("vit-tiny:depth=2", "pos_embed", variance: 4e-4),
      Expectation("vit-tiny:depth=2", "head.weight", variance: 4e-4),
      Expectation("vit-tiny:depth=2", "cls_token", variance: 1e-12),
      Expectation("vit-tiny:depth=2", "patch_embed.proj.weight", variance: 1 / 2304),
    ])
  func deviations(_ expectation: Expectation) throws {
    let (text, name, expected) = (expectation.model, expectation.parameter, expectation.variance.squareRoot())
    let model = try makeModel(.init(parsing: text), generator: RandomGenerator(seed: 7))
    let found = try deviation(model.store[name])
    // Five standard errors of the deviation of so many draws.
    let tolerance = 5 / (2 * Double(try #require(model.store[name]).count)).squareRoot()
    #expect(abs(found / expected - 1) < tolerance, "\(found), expected \(expected)")
  }

  @Test(
    "a seed gives the same model, another seed another",
    arguments: ["resnet8", "vit:patch=8,image=32,dim=16,heads=2,depth=2"])
  func seeds(_ text: String) throws {
    func values(_ seed: UInt64) throws -> [[Double]] {
      try makeModel(.init(parsing: text), generator: RandomGenerator(seed: seed)).store.stateDict().map {
        $0.tensor.doubles()
      }
    }
    #expect(try values(3) == values(3))
    #expect(try values(3) != values(4))
  }

  @Test("a new classifier replaces the old one and nothing else")
  func resetClassifier() throws {
    let model = try Hashed.model(.init(.resNet8))
    let before = try model.store.stateDict()
    try model.resetClassifier()
    for (name, tensor) in try model.store.stateDict() {
      #expect((tensor.doubles() == before[name]?.doubles()) == !name.hasPrefix("linear."), "\(name)")
    }
  }
}

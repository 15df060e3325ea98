import SoupModels
import SoupTensors
import SoupTorch
import Testing

private let configurations = [
  "resnet20:width=2,channels=1,image=28", "resnet8:channels=4,image=19", "cifar-resnet18:image=16",
  "cifar-resnet50:image=16",
  "resnet18:classes=10,image=64", "resnet50:classes=10,image=64",
  "vit-tiny:patch=4,image=28,depth=3,classes=10,channels=1",
  "vit-tiny:patch=8,image=32,depth=2,pool=mean,position=sincos,eps=1e-5", "vit:dim=64,heads=2,depth=1,patch=7,image=28",
]

@Suite("Inference models")
struct InferenceModelTests {
  @Test("folded and fused is the model itself, to 1e-5", arguments: configurations)
  func folded(_ text: String) throws {
    let configuration = try ModelConfiguration(parsing: text)
    let model = try Hashed.model(configuration)
    for count in [1, 5] {
      let (images, _) = try Hashed.batch(configuration, count, "images")
      let expected = try withoutGradients { try model(images, training: false).doubles() }
      let found = try model.inference(precision: .float32, batchSize: 5)(images)
      #expect(found.shape == [count, configuration.classes])
      #expect(deviation(try found.doubles(), expected) < 1e-5)
    }
  }

  @Test("features are what the classifier sees, to 1e-5", arguments: configurations)
  func features(_ text: String) throws {
    let configuration = try ModelConfiguration(parsing: text)
    let model = try Hashed.model(configuration)
    let (images, _) = try Hashed.batch(configuration, 20, "images")
    let expected = try withoutGradients { try model.features(images, training: false).doubles() }
    let inference = try model.inference(precision: .float32, batchSize: 20)
    #expect(deviation(try inference.features(images).doubles(), expected) < 1e-5)
    let coarse = try model.inference(precision: .bfloat16).features(images)
    #expect(coarse.dtype == .float32)
    #expect(deviation(try coarse.doubles(), expected) < 0.03)
  }

  @Test("a large batch, which goes through in cache-sized chunks, gives each image what it gets alone")
  func chunks() throws {
    let configuration = try ModelConfiguration(parsing: "resnet8:width=4,image=32")
    let model = try Hashed.model(configuration)
    let (images, _) = try Hashed.batch(configuration, 45, "images")
    let inference = try model.inference(precision: .float32, batchSize: 45)
    let together = try inference(images).doubles()
    #expect(together.count == 450)
    for index in [0, 22, 23, 44] {
      let alone = try inference(images.narrow(0, start: index, length: 1)).doubles()
      #expect(deviation(Array(together[10 * index..<10 * index + 10]), alone) < 1e-5)
    }
  }

  @Test("bfloat16 stays within bfloat16's precision", arguments: configurations)
  func bfloat16(_ text: String) throws {
    let configuration = try ModelConfiguration(parsing: text)
    let model = try Hashed.model(configuration)
    let (images, _) = try Hashed.batch(configuration, 4, "images")
    let expected = try withoutGradients { try model(images, training: false).doubles() }
    let found = try model.inference(precision: .bfloat16)(images)
    #expect(found.dtype == .float32)
    // 8 bits of mantissa per step, errors of some twenty steps adding up at random.
    #expect(deviation(try found.doubles(), expected) < 0.03)
  }

  @Test("it is a snapshot: later training does not reach it", arguments: [configurations[0], configurations[6]])
  func snapshot(_ text: String) throws {
    let configuration = try ModelConfiguration(parsing: text)
    let (images, _) = try Hashed.batch(configuration, 2, "images")
    for precision in Precision.allCases {
      let model = try Hashed.model(configuration)
      let inference = try model.inference(precision: precision)
      let before = try inference(images).doubles()
      for (_, tensor) in model.store.parameters {
        try tensor.copy(from: Hashed.values("other", shape: tensor.shape, scale: 0.3))
      }
      #expect(try inference(images).doubles() == before)
      #expect(deviation(try model.inference(precision: precision)(images).doubles(), before) > 0.1)
    }
  }
}

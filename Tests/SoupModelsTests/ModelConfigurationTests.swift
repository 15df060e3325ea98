import Foundation
import SoupModels
import SoupTensors
import SoupTorch
import Testing

@Suite("Model configurations")
struct ModelConfigurationTests {
  @Test("every architecture parses by its name and prints it", arguments: Architecture.allCases)
  func names(_ architecture: Architecture) throws {
    let configuration = try ModelConfiguration(parsing: architecture.rawValue)
    #expect(configuration == ModelConfiguration(architecture))
    #expect(configuration.description == architecture.rawValue)
  }

  @Test(
    "text and JSON read back to the same configuration",
    arguments: [
      "resnet20:channels=1,image=28,width=2", "cifar-resnet50:classes=10", "resnet50:classes=37,image=96",
      "vit-tiny:classes=10,channels=1,image=28,patch=4,depth=6",
      "vit:classes=5,image=30,patch=5,dim=96,depth=1,heads=4,mlp=2.5,pool=mean,position=sincos,eps=1e-05",
    ])
  func roundTrip(_ text: String) throws {
    let configuration = try ModelConfiguration(parsing: text)
    #expect(configuration.description == text)
    let metadata = [ModelConfiguration.metadataKey: try configuration.json()]
    #expect(try ModelConfiguration(metadata: metadata) == configuration)
  }

  @Test("the JSON spells out every option under the typed names")
  func json() throws {
    let resnet = try ModelConfiguration(parsing: "ResNet20: width=2, channels=1, image=28").json()
    #expect(resnet == #"{"architecture":"resnet20","channels":1,"classes":10,"image":28,"width":2}"#)
    #expect(try ModelConfiguration(metadata: ["format": "pt"]) == nil)
  }

  @Test("a dataset's classes, channels and size are defaults that text overrides")
  func defaults() throws {
    let c = try ModelConfiguration(parsing: "resnet20:classes=3", classes: 10, channels: 1, imageSize: 28)
    #expect(c.classes == 3 && c.channels == 1 && c.imageSize == 28)
  }

  @Test(
    "what is wrong is named",
    arguments: [
      ("resnet21", "resnet20"), ("resnet20:depth=3", "width"), ("resnet20:width", "option=value"),
      ("resnet20:width=two", "whole number"), ("resnet20:width=2,width=3", "twice"), ("resnet20:width=0", "width=0"),
      ("resnet18:width=2", "width"), ("vit-tiny:image=28", "patch=2, 4, 7, 14"), ("vit-tiny:heads=5", "heads=5"),
      ("vit-tiny:pool=max", "cls, mean"), ("vit-tiny:classes=-1", "classes=-1"), ("vit:mlp=nan", "mlp"),
      ("", "resnet20"),
      ("vit:dim=6,heads=3,position=sincos", "multiple of 4"),
    ])
  func errors(_ text: String, _ hint: String) {
    let error = #expect(throws: ModelError.self) { try ModelConfiguration(parsing: text) }
    #expect(error?.description.contains(hint) == true, "\(error?.description ?? "no error")")
  }

  @Test(
    "a checkpoint's JSON is checked like typed text",
    arguments: [
      #"{"architecture":"resnet9000"}"#, #"{"architecture":"resnet20","width":-1}"#,
      #"{"architecture":"resnet20","width":"2"}"#,
      #"{"architecture":"vit-tiny","image":30}"#, "{}", "no JSON",
    ])
  func damagedJSON(_ json: String) {
    #expect(throws: (any Error).self) { try ModelConfiguration(metadata: [ModelConfiguration.metadataKey: json]) }
  }

  @Test("a model refuses images of another shape, and drop path where there is none")
  func refusals() throws {
    let generator = try RandomGenerator(seed: 1)
    let resnet = try makeModel(.init(.resNet8, channels: 1), generator: generator)
    let vit = try makeModel(.init(parsing: "vit:patch=4,image=8,dim=8,heads=2,depth=1"), generator: generator)
    let images = try Tensor.zeros(shape: [2, 3, 16, 16])
    for model in [resnet, vit] {
      #expect(throws: ModelError.self) { try model(images, training: false) }
      #expect(throws: ModelError.self) { try model.inference(precision: .float32)(images) }
    }
    #expect(throws: ModelError.self) { try makeModel(.init(.resNet8), dropPath: 0.1, generator: generator) }
    #expect(throws: ModelError.self) { try makeModel(vit.configuration, dropPath: 1, generator: generator) }
  }
}

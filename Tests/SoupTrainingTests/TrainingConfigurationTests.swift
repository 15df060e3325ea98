import Foundation
import SoupData
import SoupModels
import SoupTorch
import SoupTraining
import Testing

@Suite struct TrainingConfigurationTests {
  private func configuration() throws -> TrainingConfiguration {
    try TrainingConfiguration(
      model: ModelConfiguration(parsing: "resnet20:channels=1,image=28"),
      data: DataConfiguration(dataset: "fashion-mnist", checksum: "1234abcd"), epochs: 0.5,
      optimizer: .adamW(learningRate: 3e-4), schedule: .multiStep(steps: [10, 20], factor: 0.1),
      augmentation: [.crop(padding: 2, mode: .reflect), .erase(probability: 0.25)], mixup: 0.2, precision: .bfloat16,
      ema: 0.999, seed: .max)
  }

  @Test func survivesJSON() throws {
    let value = try configuration()
    let back = try JSONDecoder().decode(TrainingConfiguration.self, from: JSONEncoder().encode(value))
    #expect(back == value)
  }

  @Test func equalConfigurationsDoNotDiffer() throws {
    #expect(try configuration().differences(from: configuration()).isEmpty)
  }

  @Test func namesEveryDifference() throws {
    var other = try configuration()
    other.epochs = 1
    other.ema = nil
    other.optimizer = .sgd(learningRate: 3e-4)
    let differences = try other.differences(from: configuration())
    #expect(differences.contains("epochs: 0.5 → 1"))
    #expect(differences.contains("ema: 0.999 → none"))
    #expect(differences.contains("optimizer.kind: adamw → sgd"))
    #expect(differences.contains("optimizer.momentum: none → 0.9"))
    #expect(!differences.contains { $0.hasPrefix("optimizer.learning_rate") })
    #expect(!differences.contains { $0.hasPrefix("seed") })
  }

  @Test(arguments: [(100, 32, 3), (128, 32, 4), (20, 32, 1), (0, 32, 0)])
  func dropsTheLastSmallerBatch(images: Int, batchSize: Int, steps: Int) {
    #expect(TrainingConfiguration.stepsPerEpoch(images: images, batchSize: batchSize) == steps)
  }
}

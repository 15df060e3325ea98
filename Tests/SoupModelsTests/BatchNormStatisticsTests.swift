import SoupModels
import SoupTensors
import SoupTorch
import Testing

/// `Tools/reference_averages.py`: `torch.optim.swa_utils.update_bn`.
private struct Expected: Decodable {
  let configuration: ModelConfiguration
  let counts: [Int]
  let buffers: [Summary]
}

@Suite struct BatchNormStatisticsTests {
  @Test func areThoseOfUpdateBN() throws {
    let expected: Expected = try fixture("update-bn")
    let model = try Hashed.model(expected.configuration)
    let before = try model.store.stateDict()
    var batches = try expected.counts.enumerated().map { index, count in
      try Hashed.batch(expected.configuration, count, "update.\(index)").images
    }
    try model.recomputeStatistics { batches.isEmpty ? nil : batches.removeFirst() }
    #expect(expected.buffers.count == 38)
    for summary in expected.buffers {
      let tensor = try #require(model.store[summary.name])
      #expect(try Summary(summary.name, tensor.host()).deviation(from: summary) < 1e-5)
    }
    for (name, tensor) in model.store.parameters {
      #expect(try tensor.host().floats() == before[name]?.floats())
    }
    #expect(model.batchNorms.allSatisfy { $0.momentum == 0.1 })
    #expect(try model.batchNorms[0].batchesTracked.item() == 3)
  }

  @Test func aModelWithoutBatchNormTakesNoBatch() throws {
    let configuration = try ModelConfiguration(
      parsing: "vit:patch=4,dim=16,depth=1,heads=2,classes=3,channels=1,image=8")
    try Hashed.model(configuration).recomputeStatistics {
      Issue.record("a batch was taken")
      return nil
    }
  }
}

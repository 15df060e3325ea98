import Foundation
import SoupCheckpoints
import SoupModels
import SoupTensors
import SoupTorch
import SoupTraining
import Testing

private let folder = ProcessInfo.processInfo.environment["SOUP_VIT_B"]

/// A whole ViT-B/16 under the published names; `Tools/check_vit_b.sh` has PyTorch write it (0.8 GB) and runs this.
@Suite("ViT-B/16 of MAE", .enabled(if: folder != nil)) struct ViTBaseTests {
  @Test func loadsStrictlyAndAgrees() throws {
    let folder = try #require(folder)
    let encoder = try Checkpoint(contentsOf: folder + "/encoder.pth").stateDict()
    #expect(encoder.count == 150)
    let configuration = try ModelConfiguration(inferring: encoder)
    #expect(configuration.description == "vit-base:classes=0,position=sincos")
    let model = try makeModel(configuration, generator: RandomGenerator(seed: 0))
    try model.store.load(encoder)
    let decoder = try StateDict(
      Checkpoint(contentsOf: folder + "/mae.pth").stateDict().filter { MaskedDecoder.isName($0.name) }
        .map { ($0.name, $0.tensor) })
    let size = try MaskedDecoder.dimensions(of: decoder)
    #expect(size == (512, 8))
    let objective = try MAE(MAEConfiguration(), for: model, generator: RandomGenerator(seed: 0), device: .cpu)
    try objective.head.load(decoder)

    let values = try Checkpoint(contentsOf: folder + "/values.npz").stateDict()
    func doubles(_ name: String) throws -> [Double] { try #require(values[name]).doubles() }
    let images = try Tensor(#require(values["images"]))
    let features = try withoutGradients { try model.features(images, training: false).host().doubles() }
    #expect(try zip(features, doubles("features")).allSatisfy { abs($0 - $1) < 1e-4 })
    let visible = try doubles("visible").map { Int($0) }
    let mask = try PatchMask(patches: 196, visible: (0..<4).map { Array(visible[$0 * 49..<$0 * 49 + 49]) })
    let loss = try withoutGradients { try objective.loss(model, images, mask).item() }
    #expect(try abs(loss - doubles("loss")[0]) < 1e-4 * loss)
  }
}

import Foundation
import SoupCheckpoints
import SoupModels
import SoupTensors
import SoupTorch
import Testing

private struct ScriptReference: Decodable {
  let logits: [[Float]]
}

/// A TorchScript module, filled by name. Modules, weights and logits are PyTorch's (Tools/reference_script.py).
@Suite(.serialized) struct ScriptNetworkTests {
  private let folder: String = {
    var url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    url.append(path: "Fixtures/script")
    return url.path
  }()

  private func images() throws -> HostTensor {
    try HostTensor(floats: (0..<128).map { Float($0 % 17) / 16 }, shape: [2, 1, 8, 8])
  }

  private func weights(_ index: Int) throws -> StateDict {
    try Checkpoint(contentsOf: folder + "/\(index).safetensors").stateDict()
  }

  @Test func logitsAreThoseOfPyTorch() throws {
    let text = try Data(contentsOf: URL(filePath: folder + "/logits.json"))
    let reference = try JSONDecoder().decode(ScriptReference.self, from: text)
    let expected = reference.logits[0] + reference.logits[1]
    let network = try ScriptNetwork(contentsOf: folder + "/net.pt")
    let parameters = network.store.parameters.map { $0.name }.sorted()
    let buffers = network.store.buffers.map { $0.name }
    #expect(
      parameters == [
        "conv.bias", "conv.weight", "head.bias", "head.weight", "norm.bias", "norm.weight",
      ])
    #expect(buffers.contains("norm.running_mean"))
    try network.store.load(weights(1))
    let input = try Tensor(images())
    let inference: any InferenceModel = try network.inference(precision: .float32, batchSize: 2)
    let found = try inference(input).host()
    #expect(found.shape == [2, 3])
    let distance = zip(found.floats(), expected).map { abs($0 - $1) }.max() ?? 1
    #expect(distance < 1e-5)
    // Other weights give other logits: the module holds what was loaded, not what it was saved with.
    try network.store.load(weights(0))
    let other = try network(Tensor(images()), training: false).host().floats()
    let change = zip(other, expected).map { abs($0 - $1) }.max() ?? 0
    #expect(change > 1e-3)
  }

  @Test func namesAreStrict() throws {
    let network = try ScriptNetwork(contentsOf: folder + "/net.pt")
    var dict = try weights(0)
    dict["head.weight"] = nil
    try dict.add("extra", HostTensor(floats: [1], shape: [1]))
    let mismatch = #expect(throws: StateDictMismatch.self) { try network.store.load(dict) }
    #expect(mismatch?.missing == ["head.weight"] && mismatch?.unexpected == ["extra"])
  }

  @Test func whatIsNoModuleIsRefused() {
    let error = #expect(throws: TorchError.self) { _ = try ScriptNetwork(contentsOf: folder + "/0.safetensors") }
    #expect(error?.message.contains("torch.jit.script") ?? false)
    #expect(throws: TorchError.self) { _ = try ScriptNetwork(contentsOf: folder + "/none.pt") }
  }
}

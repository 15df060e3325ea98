import SoupTensors
import SoupTorch
import Testing

@Suite struct ParameterStoreTests {
  private func model(seed: UInt64) throws -> ParameterStore {
    let store = ParameterStore(generator: try RandomGenerator(seed: seed))
    _ = try Conv2d(store.root / "conv1", 3, 16, kernel: 3, bias: false)
    _ = try BatchNorm2d(store.root / "layer1" / 0 / "bn", 16)
    _ = try MultiHeadAttention(store.root / "attn", width: 16, heads: 2)
    return store
  }

  @Test func namesAreTheFieldsOwnAndInOrder() throws {
    let store = try model(seed: 1)
    #expect(
      try store.stateDict().names == [
        "conv1.weight", "layer1.0.bn.weight", "layer1.0.bn.bias", "layer1.0.bn.running_mean",
        "layer1.0.bn.running_var", "layer1.0.bn.num_batches_tracked", "attn.qkv.weight", "attn.qkv.bias",
        "attn.proj.weight", "attn.proj.bias",
      ])
    #expect(store.parameters.count == 7 && store.buffers.count == 3)
    #expect(store.parameterCount == 432 + 32 + 48 * 16 + 48 + 16 * 16 + 16)
    #expect(try store.stateDict()["layer1.0.bn.num_batches_tracked"]?.dtype == .int64)
  }

  @Test func whatIsSavedLoadsBackWithTheSameBytes() throws {
    let (first, second) = (try model(seed: 1), try model(seed: 2))
    // The memory format is no part of the state.
    try first.channelsLast()
    try second.load(first.stateDict())
    for (a, b) in zip(try first.stateDict(), try second.stateDict()) {
      #expect(a.name == b.name && a.tensor.floats() == b.tensor.floats())
    }
    #expect(first["conv1.weight"]?.isChannelsLast == true)
  }

  @Test func oneErrorListsEverythingAndNothingChanges() throws {
    let store = try model(seed: 1)
    let before = try store.stateDict()
    var dict = try model(seed: 2).stateDict()
    dict["conv1.weight"] = nil
    dict["layer1.0.bn.running_mean"] = nil
    dict["attn.proj.bias"] = try HostTensor(floats: [1, 2], shape: [2])
    try dict.add("head.weight", HostTensor(floats: [1], shape: [1]))
    let error = try #require(#expect(throws: StateDictMismatch.self) { try store.load(dict) })
    #expect(error.missing == ["conv1.weight", "layer1.0.bn.running_mean"])
    #expect(error.unexpected == ["head.weight"])
    #expect(error.shapes == [.init(name: "attn.proj.bias", expected: [16], found: [2])])
    #expect(error.description.contains("attn.proj.bias: expected [16], found [2]"))
    for (a, b) in zip(before, try store.stateDict()) { #expect(a.tensor.floats() == b.tensor.floats()) }
    // Names may be left out when asked, shapes never.
    #expect(throws: StateDictMismatch.self) { try store.load(dict, strict: false) }
    dict["attn.proj.bias"] = nil
    try store.load(dict, strict: false)
    #expect(store["attn.qkv.bias"] != nil)
    #expect(try store.stateDict()["attn.qkv.bias"]!.floats() == dict["attn.qkv.bias"]!.floats())
  }

  @Test func otherDtypesAreConverted() throws {
    let store = ParameterStore(generator: try RandomGenerator(seed: 1))
    let p = try store.root.parameter("p", shape: [3], .zeros)
    try store.load(StateDict([("p", Tensor([1.5, -2, 3], shape: [3]).to(.bfloat16).host())]))
    #expect(p.dtype == .float32)
    #expect(try p.host().floats() == [1.5, -2, 3])
  }

  @Test func aNameIsGivenOnce() throws {
    let store = ParameterStore(generator: try RandomGenerator(seed: 1))
    _ = try Linear(store.root / "fc", 2, 2)
    #expect(throws: TensorError.duplicateName("fc.weight")) { try Linear(store.root / "fc", 2, 2) }
  }

  @Test func channelsLastChangesNoResult() throws {
    let store = ParameterStore(generator: try RandomGenerator(seed: 1))
    let convolution = try Conv2d(store.root, 1, 16, kernel: 3, padding: 1)
    let x = try Tensor.normal(shape: [2, 1, 6, 5], generator: store.generator)
    let before = try convolution(x).detach().host().doubles()
    try store.channelsLast()
    let y = try convolution(x.channelsLast()).detach()
    #expect(y.isChannelsLast)
    #expect(deviation(try y.host().doubles(), before) < 1e-6)
  }
}

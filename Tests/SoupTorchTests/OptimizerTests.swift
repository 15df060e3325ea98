import SoupTensors
import SoupTorch
import Testing

@Suite struct OptimizerTests {
  struct Expected: Decodable {
    struct Clip: Decodable {
      let max: Double
      let norm: Double
      let before: [String: Packed]
      let after: [String: Packed]
    }
    let start: [String: Packed]
    let target: [String: Packed]
    let curvature: [String: Packed]
    let warmup: Int
    let steps: Int
    let base: Double
    let end: [String: [String: Packed]]
    let clip: Clip
  }

  let expected: Expected

  init() throws { expected = try Fixture.read("optimizers") }

  /// Two groups as in the fixture: the second at a tenth of the rate and without decay.
  private func groups(_ a: Tensor, _ b: Tensor) -> [ParameterGroup] {
    [
      ParameterGroup([("a", a)]),
      ParameterGroup([("b", b)], learningRateScale: 0.1, weightDecay: 0),
    ]
  }

  private func optimizer(_ kind: String, _ groups: [ParameterGroup]) throws -> any Optimizer {
    switch kind {
    case "sgd": try SGD(groups, weightDecay: 0.05)
    case "sgd-momentum": try SGD(groups, momentum: 0.9, weightDecay: 0.05)
    case "sgd-nesterov": try SGD(groups, momentum: 0.9, nesterov: true, weightDecay: 0.05)
    default: try AdamW(groups, betas: (0.9, 0.95), weightDecay: 0.05)
    }
  }

  /// Steps `range` of the fixture's problem, with its schedule.
  private func run(_ optimizer: any Optimizer, _ parameters: [String: Tensor], steps range: Range<Int>) throws {
    let schedule = Schedule.warmupCosine(warmupSteps: expected.warmup)
    for step in range {
      optimizer.zeroGradients()
      for (name, parameter) in parameters {
        let difference = try parameter - expected.target[name]!.tensor()
        try (expected.curvature[name]!.tensor() * difference * difference * 0.5).sum().backward()
      }
      try optimizer.step(
        learningRate: schedule.learningRate(base: expected.base, step: step, totalSteps: expected.steps))
    }
  }

  private func start() throws -> [String: Tensor] {
    try expected.start.mapValues { try $0.tensor().requireGradient() }
  }

  @Test(arguments: ["sgd", "sgd-momentum", "sgd-nesterov", "adamw"])
  func tenStepsWithWarmupAndCosineAgree(_ kind: String) throws {
    let parameters = try start()
    let optimizer = try optimizer(kind, groups(parameters["a"]!, parameters["b"]!))
    try run(optimizer, parameters, steps: 0..<expected.steps)
    for (name, end) in try #require(expected.end[kind]) {
      #expect(try deviation(#require(parameters[name]), end) < 1e-5, "\(name)")
    }
  }

  @Test(arguments: ["sgd", "sgd-momentum", "sgd-nesterov", "adamw"])
  func aRestoredStateContinuesWithTheSameBytes(_ kind: String) throws {
    let through = try start()
    let whole = try optimizer(kind, groups(through["a"]!, through["b"]!))
    try run(whole, through, steps: 0..<10)

    let before = try start()
    let first = try optimizer(kind, groups(before["a"]!, before["b"]!))
    try run(first, before, steps: 0..<4)
    let after = try before.mapValues { try Tensor($0.host()).requireGradient() }
    let second = try optimizer(kind, groups(after["a"]!, after["b"]!))
    try second.load(state: first.state())
    try run(second, after, steps: 4..<10)
    for name in ["a", "b"] {
      #expect(try after[name]!.host().floats() == through[name]!.host().floats())
    }
  }

  @Test func theStateOfAnotherModelIsRefusedWithEveryReason() throws {
    let parameters = try start()
    let optimizer = try optimizer("adamw", groups(parameters["a"]!, parameters["b"]!))
    var state = StateDict()
    try state.add("step.a", HostTensor(floats: [1], shape: []))
    try state.add("first.a", HostTensor(floats: [1, 2], shape: [2]))
    try state.add("first.c", HostTensor(floats: [1], shape: [1]))
    let error = #expect(throws: StateDictMismatch.self) { try optimizer.load(state: state) }
    #expect(error?.missing == ["second.a"])
    #expect(error?.unexpected == ["first.c"])
    #expect(error?.shapes.map(\.name) == ["first.a"])
  }

  @Test func aParameterWithoutGradientStays() throws {
    let used = try Tensor([1, 2], shape: [2]).requireGradient()
    let idle = try Tensor([3, 4], shape: [2]).requireGradient()
    let group = ParameterGroup([("used", used), ("idle", idle)])
    for optimizer: any Optimizer in [
      try SGD([group], momentum: 0.9, weightDecay: 0.1), try AdamW([group], weightDecay: 0.1),
    ] {
      optimizer.zeroGradients()
      try used.sum().backward()
      try optimizer.step(learningRate: 0.1)
      #expect(try idle.host().floats() == [3, 4])
    }
    #expect(try used.host().floats() != [1, 2])
  }

  @Test func clippingAgrees() throws {
    let clip = expected.clip
    let parameters = try clip.before.mapValues { try $0.tensor().requireGradient() }
    for (name, parameter) in parameters {
      // The gradient of ⟨p, g⟩ is g.
      try (parameter * clip.before[name]!.tensor()).sum().backward()
    }
    let list = [parameters["a"]!, parameters["b"]!]
    #expect(abs(try clipGradientNorm(list, maxNorm: clip.max) / clip.norm - 1) < 1e-6)
    for (name, after) in clip.after { #expect(try deviation(parameters[name]!.gradient!, after) < 1e-6) }
    // Below the limit nothing changes.
    let before = try list[0].gradient!.host().floats()
    try clipGradientNorm(list, maxNorm: 1e6)
    #expect(try list[0].gradient!.host().floats() == before)
  }

  @Test func movingAverageHasItsClosedForm() throws {
    let average = try Tensor([1], shape: [1])
    for step in 1...5 {
      try Tensor.interpolate([average], towards: [Tensor([Float(step)], shape: [1])], weight: 0.25)
    }
    let closed = (1...5).reduce(0.2373046875) {
      $0 + 0.25 * [0.31640625, 0.421875, 0.5625, 0.75, 1][$1 - 1] * Double($1)
    }
    #expect(abs(try average.item() - closed) < 1e-6)
  }

  @Test func nonsenseIsRefused() throws {
    let tensor = try Tensor.ones(shape: [1])
    let group = ParameterGroup([("a", tensor)])
    #expect(throws: TorchError.self) { try SGD([group], nesterov: true) }
    #expect(throws: TorchError.self) { try AdamW([group], betas: (1, 0.9)) }
    #expect(throws: TensorError.duplicateName("a")) { try SGD([group, group]) }
  }
}

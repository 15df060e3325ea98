import Foundation
import SoupModels
import SoupTensors
import SoupTorch
import SoupTraining

/// What `Tools/reference_joint.py` and `Tools/reference_mae.py` fill models, heads and views with, bit for bit: values hashed from names.
enum HashedValues {
  static func values(_ name: String, shape: [Int], scale: Double, centre: Double = 0) throws -> HostTensor {
    let seed = name.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    let floats = (0..<shape.reduce(1, *)).map { index in
      var z = seed &+ UInt64(index + 1) &* 0x9e37_79b9_7f4a_7c15
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      z ^= z >> 31
      return Float(centre + (Double(z >> 40) / 8_388_608 - 1) * scale)
    }
    return try HostTensor(floats: floats, shape: shape)
  }

  private static func parameter(_ name: String, shape: [Int]) throws -> HostTensor {
    func ends(_ suffixes: String...) -> Bool { suffixes.contains { name.hasSuffix($0) } }
    if ends("num_batches_tracked") { return try HostTensor(integers: [0], shape: []) }
    if ends("running_mean") { return try values(name, shape: shape, scale: 0.1) }
    if ends("running_var") { return try values(name, shape: shape, scale: 0.5, centre: 1) }
    if ends("cls_token", "pos_embed") { return try values(name, shape: shape, scale: 0.5) }
    if ends("bn2.weight") { return try values(name, shape: shape, scale: 0.125, centre: 0.25) }
    if shape.count == 1 {
      return try ends("weight")
        ? values(name, shape: shape, scale: 0.25, centre: 1) : values(name, shape: shape, scale: 0.1)
    }
    let fanIn = Double(shape.dropFirst().reduce(1, *))
    return try values(name, shape: shape, scale: ((shape.count == 4 ? 6 : 3) / fanIn).squareRoot())
  }

  static func fill(_ store: ParameterStore, fixedToo: Bool = true) throws {
    for entry in store.entries where fixedToo || entry.tensor.requiresGradient {
      try entry.tensor.copy(from: parameter(entry.name, shape: entry.tensor.shape))
    }
  }
}

/// A file of `Tools/reference_joint.py`: ten steps of one objective in PyTorch.
struct JointRun: Decodable {
  struct Settings: Decodable {
    let objective: String
    let variant: ObjectiveVariant?
    let temperature, momentum, weight: Double?
    let localWeight: Double?
    let views, slices, knots, globalViews, localViews: Int?
    let projector: [Int]
    let predictor: [Int]?
  }
  /// A tensor as its norm and its product with a hashed direction.
  struct Row: Decodable {
    let part: String?
    let name: String
    let norm, probe: Double

    /// The larger deviation of the two, relative to the norm.
    func deviation(of tensor: HostTensor) throws -> Double {
      let values = tensor.doubles()
      let direction = try HashedValues.values("probe." + name, shape: tensor.shape, scale: 1).doubles()
      let found = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let product = zip(values, direction).reduce(0) { $0 + $1.0 * $1.1 }
      return max(abs(found - norm), abs(product - probe)) / max(norm, 1e-12)
    }
  }
  let configuration: ModelConfiguration
  let settings: Settings
  let steps, batch, stepsPerEpoch: Int
  let rate, decay: Double
  let losses: [Double]
  let gradients, state, copies: [Row]

  static func read(_ name: String) throws -> JointRun {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(JointRun.self, from: Data(contentsOf: fixture("training/joint-\(name).json")))
  }

  func model() throws -> any Model {
    let model = try makeModel(configuration, generator: RandomGenerator(seed: 0))
    try HashedValues.fill(model.store)
    return model
  }

  /// The objective with hashed weights in its heads, and copies that start from them.
  func objective(_ model: any Model) throws -> any Objective {
    let generator = try RandomGenerator(seed: 0)
    let width = try withoutGradients {
      try model.features(views(step: 0, count: 1)[0], training: false).shape[1]
    }
    try HashedValues.fill(model.store)
    let s = settings
    var step = 0
    let objective: any Objective
    switch (s.objective, s.variant) {
    case ("mocov3", .light?):
      objective = try MoCoV3(
        MoCoV3Configuration(variant: .light, temperature: s.temperature, projector: s.projector + [width]),
        model: model, generator: generator)
    case ("mocov3", _):
      objective = try MoCoV3(
        MoCoV3Configuration(
          temperature: s.temperature, targetMomentum: s.momentum ?? 0, projector: s.projector, predictor: s.predictor),
        model: model, generator: generator)
    case ("mmcr", .light?):
      objective = try MMCR(
        MMCRConfiguration(variant: .light, localWeight: s.localWeight ?? 0, projector: s.projector + [width]),
        model: model, generator: generator)
    case ("mmcr", _):
      objective = try MMCR(
        MMCRConfiguration(
          localWeight: s.localWeight ?? 0, targetMomentum: s.momentum, views: s.views ?? 2, projector: s.projector),
        model: model, generator: generator)
    default:
      objective = try LeJEPA(
        LeJEPAConfiguration(
          sigRegWeight: s.weight ?? 0, slices: s.slices ?? 1, knots: s.knots ?? 17, globalViews: s.globalViews ?? 1,
          localViews: s.localViews ?? 0, projector: s.projector),
        model: model, generator: generator
      ) { _, slices, width in
        defer { step += 1 }
        return try Tensor(
          HashedValues.values("step\(step).directions", shape: [slices, width], scale: 1)
        ).normalized()
      }
    }
    try HashedValues.fill(objective.head)
    var state = try objective.state()
    for name in state.names where name.hasPrefix("head.") {
      state[name] = try objective.head[String(name.dropFirst(5))]?.host()
    }
    try objective.restore(state)
    return objective
  }

  func views(step: Int, count: Int) throws -> [Tensor] {
    let size = configuration.imageSize
    return try (0..<count).map {
      try Tensor(
        HashedValues.values(
          "step\(step).view\($0)", shape: [batch, configuration.channels, size, size], scale: 1.75))
    }
  }

  func trainingBatch(step: Int, views count: Int) throws -> TrainingBatch {
    try TrainingBatch(
      views: views(step: step, count: count), targets: .zeros(shape: [batch], dtype: .int64),
      indices: Array(0..<batch), step: step, totalSteps: steps, epoch: Double(step) / Double(stepsPerEpoch),
      totalEpochs: Double(steps) / Double(stepsPerEpoch), random: CounterGenerator(seed: 0))
  }
}

import CTorch
import SoupTensors

/// Changes parameters by their gradients. A parameter without a gradient is left alone.
public protocol Optimizer: AnyObject {
  var groups: [ParameterGroup] { get }
  /// One step at this learning rate, scaled per group.
  func step(learningRate: Double) throws
  /// Everything that decides the next steps but the parameters themselves, in a fixed order.
  func state() throws -> StateDict
  /// Continues from a state got from `state()`, exactly.
  /// - Throws: `StateDictMismatch` if it is the state of another optimiser or model; then nothing has changed.
  func load(state: StateDict) throws
}

extension Optimizer {
  /// Forgets all gradients.
  public func zeroGradients() {
    for group in groups { for parameter in group.parameters { parameter.tensor.clearGradient() } }
  }
}

/// Parameters that share their treatment.
public struct ParameterGroup {
  /// Names key the optimiser's state.
  public var parameters: [(name: String, tensor: Tensor)]
  /// Multiplies the learning rate of each step.
  public var learningRateScale: Double
  /// Used instead of the optimiser's weight decay where set.
  public var weightDecay: Double?

  public init(
    _ parameters: [(name: String, tensor: Tensor)], learningRateScale: Double = 1, weightDecay: Double? = nil
  ) {
    self.parameters = parameters
    self.learningRateScale = learningRateScale
    self.weightDecay = weightDecay
  }

  /// All trained parameters of a model in two groups: weights with the optimiser's decay; biases, norm scales and other
  /// parameters with fewer than two dimensions without decay.
  public static func decayingWeightsOnly(_ store: ParameterStore) -> [ParameterGroup] {
    let trained = store.parameters.filter { $0.tensor.requiresGradient }
    return [
      ParameterGroup(trained.filter { $0.tensor.rank > 1 }),
      ParameterGroup(trained.filter { $0.tensor.rank <= 1 }, weightDecay: 0),
    ]
  }
}

/// Scales all gradients so that their common Euclidean norm is at most `maxNorm`, as `torch.nn.utils.clip_grad_norm_`.
/// - Returns: the norm before.
@discardableResult
public func clipGradientNorm(_ parameters: [Tensor], maxNorm: Double) throws -> Double {
  let gradients = parameters.compactMap(\.gradient)
  return try gradients.withHandles { list in
    var norm = 0.0
    try check { ct_total_norm(list, &norm, $0) }
    let factor = maxNorm / (norm + 1e-6)
    if factor < 1 { try check { ct_scale_in_place(list, factor, $0) } }
    return norm
  }
}

extension Tensor {
  /// In place, `t ← t + weight · (target − t)` for each pair; an exponential moving average has `weight = 1 − decay`.
  public static func interpolate(_ tensors: [Tensor], towards targets: [Tensor], weight: Double) throws {
    try tensors.withHandles { list in
      try targets.withHandles { targets in try check { ct_lerp_in_place(list, targets, weight, $0) } }
    }
  }
}

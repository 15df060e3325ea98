import CTorch
import SoupTensors

/// Stochastic gradient descent with momentum, Nesterov's variant and L2 weight decay, as `torch.optim.SGD`.
///
/// `g ← g + decay·θ`, `b ← momentum·b + g` (b = g in the first step), `θ ← θ − rate·b`, or with Nesterov `θ ← θ − rate·(g + momentum·b)`.
public final class SGD: Optimizer {
  public let groups: [ParameterGroup]
  public let momentum: Double
  public let nesterov: Bool
  public let weightDecay: Double
  private var momenta: [String: Tensor] = [:]

  /// - Throws: `TorchError` for Nesterov without momentum, negative values, or a name in two places.
  public init(_ groups: [ParameterGroup], momentum: Double = 0, nesterov: Bool = false, weightDecay: Double = 0) throws
  {
    guard momentum >= 0, weightDecay >= 0, !nesterov || momentum > 0 else {
      throw TorchError(
        code: .invalidArgument,
        message:
          "SGD needs momentum ≥ 0 and weight decay ≥ 0, and momentum > 0 for Nesterov; found momentum \(momentum), "
          + "weight decay \(weightDecay)")
    }
    try checkNames(groups)
    self.groups = groups
    self.momentum = momentum
    self.nesterov = nesterov
    self.weightDecay = weightDecay
  }

  public func step(learningRate: Double) throws {
    for group in groups {
      // Parameters that have not moved yet take their gradient as momentum; the others continue.
      var batches = [(first: true, items: [(Tensor, Tensor, Tensor?)]()), (first: false, items: [])]
      for (name, parameter) in group.parameters {
        guard let gradient = parameter.gradient else { continue }
        if momentum == 0 {
          batches[1].items.append((parameter, gradient, nil))
        } else if let buffer = momenta[name] {
          batches[1].items.append((parameter, gradient, buffer))
        } else {
          let buffer = try gradient.clone()
          momenta[name] = buffer
          batches[0].items.append((parameter, gradient, buffer))
        }
      }
      for batch in batches where !batch.items.isEmpty {
        try batch.items.map(\.0).withHandles { parameters in
          try batch.items.map(\.1).withHandles { gradients in
            try batch.items.compactMap(\.2).withHandles { momenta in
              try check {
                ct_sgd_step(
                  parameters, gradients, momenta, learningRate * group.learningRateScale, momentum,
                  group.weightDecay ?? weightDecay, nesterov, batch.first, $0)
              }
            }
          }
        }
      }
    }
  }

  /// `momentum.<name>` for every parameter that has moved.
  public func state() throws -> StateDict {
    var dict = StateDict()
    for group in groups {
      for (name, _) in group.parameters {
        if let buffer = momenta[name] { try dict.add("momentum." + name, buffer.host()) }
      }
    }
    return dict
  }

  public func load(state: StateDict) throws {
    momenta = try restored(state, kinds: ["momentum"], groups)["momentum"] ?? [:]
  }
}

/// Names key the state, so they must be unique.
func checkNames(_ groups: [ParameterGroup]) throws {
  var seen: Set<String> = []
  for group in groups {
    for (name, _) in group.parameters where !seen.insert(name).inserted { throw TensorError.duplicateName(name) }
  }
}

/// Reads `<kind>.<name>` for every parameter into tensors laid out as the parameters are. A parameter has either all kinds or
/// none.
func restored(_ state: StateDict, kinds: [String], _ groups: [ParameterGroup]) throws -> [String: [String: Tensor]] {
  var mismatch = StateDictMismatch()
  var result: [String: [String: Tensor]] = [:]
  var known: Set<String> = []
  for group in groups {
    for (name, parameter) in group.parameters {
      let found = kinds.filter { state["\($0).\(name)"] != nil }
      if found.isEmpty { continue }
      for kind in kinds {
        let key = "\(kind).\(name)"
        known.insert(key)
        guard let host = state[key] else {
          mismatch.missing.append(key)
          continue
        }
        let expected = kind == "step" ? [] : parameter.shape
        guard host.shape == expected else {
          mismatch.shapes.append(.init(name: key, expected: expected, found: host.shape))
          continue
        }
        let tensor =
          try kind == "step"
          ? Tensor.zeros(shape: [], device: parameter.device) : withoutGradients { try parameter.detach().clone() }
        try tensor.copy(from: host)
        result[kind, default: [:]][name] = tensor
      }
    }
  }
  mismatch.unexpected = state.names.filter { !known.contains($0) }
  guard mismatch.isEmpty else { throw mismatch }
  return result
}

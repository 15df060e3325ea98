import CTorch
import SoupTensors

/// Adam with decoupled weight decay, as `torch.optim.AdamW`.
///
/// `θ ← θ − rate·decay·θ`, `m ← β₁m + (1 − β₁)g`, `v ← β₂v + (1 − β₂)g²`,
/// `θ ← θ − rate · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)`.
/// - Source: Loshchilov and Hutter, 2019, arXiv:1711.05101.
public final class AdamW: Optimizer {
  public let groups: [ParameterGroup]
  public let betas: (Double, Double)
  public let epsilon: Double
  public let weightDecay: Double
  private var steps: [String: Tensor] = [:]
  private var firstMoments: [String: Tensor] = [:]
  private var secondMoments: [String: Tensor] = [:]

  /// - Throws: `TorchError` for values outside their ranges, or a name in two places.
  public init(
    _ groups: [ParameterGroup], betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8,
    weightDecay: Double = 0.01
  ) throws {
    guard (0..<1).contains(betas.0), (0..<1).contains(betas.1), epsilon > 0, weightDecay >= 0 else {
      throw TorchError(
        code: .invalidArgument,
        message: "AdamW needs betas in 0..<1, ε > 0 and weight decay ≥ 0; found betas \(betas), ε \(epsilon), "
          + "weight decay \(weightDecay)")
    }
    try checkNames(groups)
    self.groups = groups
    self.betas = betas
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  public func step(learningRate: Double) throws {
    for group in groups {
      var parameters: [Tensor] = []
      var gradients: [Tensor] = []
      var counts: [Tensor] = []
      var first: [Tensor] = []
      var second: [Tensor] = []
      for (name, parameter) in group.parameters {
        guard let gradient = parameter.gradient else { continue }
        parameters.append(parameter)
        gradients.append(gradient)
        counts.append(try kept(&steps, name) { try .zeros(shape: [], device: parameter.device) })
        first.append(try kept(&firstMoments, name) { try withoutGradients { try parameter.detach() * 0 } })
        second.append(try kept(&secondMoments, name) { try withoutGradients { try parameter.detach() * 0 } })
      }
      if parameters.isEmpty { continue }
      try parameters.withHandles { parameters in
        try gradients.withHandles { gradients in
          try first.withHandles { first in
            try second.withHandles { second in
              try counts.withHandles { counts in
                try check {
                  ct_adamw_step(
                    parameters, gradients, first, second, counts, learningRate * group.learningRateScale, betas.0,
                    betas.1, group.weightDecay ?? weightDecay, epsilon, $0)
                }
              }
            }
          }
        }
      }
    }
  }

  /// `step.<name>`, `first.<name>` and `second.<name>` for every parameter that has moved.
  public func state() throws -> StateDict {
    var dict = StateDict()
    for group in groups {
      for (name, _) in group.parameters {
        guard let step = steps[name], let first = firstMoments[name], let second = secondMoments[name] else { continue }
        try dict.add("step." + name, step.host())
        try dict.add("first." + name, first.host())
        try dict.add("second." + name, second.host())
      }
    }
    return dict
  }

  public func load(state: StateDict) throws {
    let tensors = try restored(state, kinds: ["step", "first", "second"], groups)
    steps = tensors["step"] ?? [:]
    firstMoments = tensors["first"] ?? [:]
    secondMoments = tensors["second"] ?? [:]
  }

  private func kept(_ tensors: inout [String: Tensor], _ name: String, _ make: () throws -> Tensor) rethrows -> Tensor {
    if let tensor = tensors[name] { return tensor }
    let tensor = try make()
    tensors[name] = tensor
    return tensor
  }
}

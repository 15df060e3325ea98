import SoupTensors

/// How a parameter gets its first values.
public enum Initializer: Sendable {
  case zeros
  case ones
  case constant(Double)
  case uniform(low: Double, high: Double)
  case normal(mean: Double, standardDeviation: Double)
  /// A normal distribution around 0 cut at ±2 (absolute, as in `torch.nn.init.trunc_normal_` and timm).
  case truncatedNormal(standardDeviation: Double)
  /// Given values; their shape must be the parameter's.
  case values(HostTensor)

  /// PyTorch's default for the weight and bias of `Linear` and `Conv2d`: uniform in ±1/√fanIn.
  public static func torchDefault(fanIn: Int) -> Initializer {
    let bound = fanIn > 0 ? 1 / Double(fanIn).squareRoot() : 0
    return .uniform(low: -bound, high: bound)
  }

  /// He et al., 2015: normal with deviation √(2/fan). ResNets use the fan out (output channels × kernel area).
  public static func kaimingNormal(fan: Int) -> Initializer {
    .normal(mean: 0, standardDeviation: (2 / Double(max(fan, 1))).squareRoot())
  }

  /// Glorot and Bengio, 2010: uniform in ±√(6/(fanIn + fanOut)).
  public static func xavierUniform(fanIn: Int, fanOut: Int) -> Initializer {
    let bound = (6 / Double(max(fanIn + fanOut, 1))).squareRoot()
    return .uniform(low: -bound, high: bound)
  }

  /// A float32 tensor of these values on `device`. Random values are drawn where the generator lives, so that a seed of a
  /// CPU generator means the same weights on every device.
  func tensor(shape: [Int], generator: RandomGenerator, device: Device) throws -> Tensor {
    switch self {
    case .zeros: return try .zeros(shape: shape, device: device)
    case .ones: return try .ones(shape: shape, device: device)
    case .constant(let value): return try .full(value, shape: shape, device: device)
    case .uniform(let low, let high):
      return try Tensor.uniform(shape: shape, low: low, high: high, generator: generator).to(device)
    case .normal(let mean, let deviation):
      return try Tensor.normal(shape: shape, mean: mean, standardDeviation: deviation, generator: generator).to(device)
    case .truncatedNormal(let deviation):
      guard deviation > 0, deviation <= 2 else {
        throw TorchError(
          code: .invalidArgument, message: "a truncated normal needs a deviation in 0...2, found \(deviation)")
      }
      // As PyTorch: draws beyond the cut are replaced by those of a whole new tensor until none is left.
      func draws() throws -> [Float] {
        try Tensor.normal(shape: shape, standardDeviation: deviation, generator: generator).host().floats()
      }
      var values = try draws()
      while values.contains(where: { abs($0) > 2 }) {
        let fresh = try draws()
        for (i, value) in values.enumerated() where abs(value) > 2 { values[i] = fresh[i] }
      }
      return try Tensor(values, shape: shape).to(device)
    case .values(let host):
      guard host.shape == shape else {
        throw TorchError(
          code: .invalidArgument, message: "initial values of shape \(host.shape) for a parameter of shape \(shape)")
      }
      return try Tensor(host).to(.float32).to(device)
    }
  }
}

extension Tensor {
  /// Overwrites the values in place by an initializer's.
  public func draw(_ initializer: Initializer, generator: RandomGenerator) throws {
    try copy(from: initializer.tensor(shape: shape, generator: generator, device: .cpu).host())
  }
}

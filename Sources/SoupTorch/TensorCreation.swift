import CTorch
import SoupTensors

extension Tensor {
  /// A tensor of that shape with one value everywhere.
  public static func full(
    _ value: Double, shape: [Int], dtype: DType = .float32, device: Device = .cpu
  ) throws -> Tensor {
    try shape.withSizes { sizes in
      try make { ct_full(sizes, value, dtype.torchCode, device.code, $0, $1) }
    }
  }

  public static func zeros(shape: [Int], dtype: DType = .float32, device: Device = .cpu) throws -> Tensor {
    try full(0, shape: shape, dtype: dtype, device: device)
  }

  public static func ones(shape: [Int], dtype: DType = .float32, device: Device = .cpu) throws -> Tensor {
    try full(1, shape: shape, dtype: dtype, device: device)
  }

  /// Independent draws from a normal distribution, made on the generator's device.
  public static func normal(
    shape: [Int], mean: Double = 0, standardDeviation: Double = 1, dtype: DType = .float32,
    generator: RandomGenerator
  ) throws -> Tensor {
    try shape.withSizes { sizes in
      try make {
        ct_normal(sizes, mean, standardDeviation, generator.handle, dtype.torchCode, generator.device.code, $0, $1)
      }
    }
  }

  /// Independent draws from `[low, high)`, made on the generator's device.
  public static func uniform(
    shape: [Int], low: Double = 0, high: Double = 1, dtype: DType = .float32, generator: RandomGenerator
  ) throws -> Tensor {
    try shape.withSizes { sizes in
      try make { ct_uniform(sizes, low, high, generator.handle, dtype.torchCode, generator.device.code, $0, $1) }
    }
  }

  /// Independent draws of 1 with `probability`, otherwise 0, made on the generator's device.
  public static func bernoulli(
    shape: [Int], probability: Double, dtype: DType = .float32, generator: RandomGenerator
  ) throws -> Tensor {
    try shape.withSizes { sizes in
      try make { ct_bernoulli(sizes, probability, generator.handle, dtype.torchCode, generator.device.code, $0, $1) }
    }
  }
}

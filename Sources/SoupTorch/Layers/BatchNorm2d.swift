import CTorch
import SoupTensors

/// Batch normalisation of images `[N, C, H, W]`: `y = γ·(x − μ)/√(σ² + ε) + β`, per channel.
///
/// In training μ and σ² are the batch's and the running statistics move towards them; otherwise the running ones are used.
/// - Source: Ioffe and Szegedy, 2015, arXiv:1502.03167.
public final class BatchNorm2d {
  public let weight: Tensor
  public let bias: Tensor
  public let runningMean: Tensor
  public let runningVariance: Tensor
  /// Number of training batches seen, int64.
  public let batchesTracked: Tensor
  /// How far the running statistics move towards a batch's. Nil keeps the plain average of all batches since `resetStatistics`.
  public var momentum: Double?
  public let epsilon: Double

  /// Names `weight` (1), `bias` (0), `running_mean` (0), `running_var` (1), `num_batches_tracked` (0).
  public init(
    _ scope: Scope, _ channels: Int, momentum: Double = 0.1, epsilon: Double = 1e-5, weight: Initializer = .ones
  ) throws {
    self.weight = try scope.parameter("weight", shape: [channels], weight)
    bias = try scope.parameter("bias", shape: [channels], .zeros)
    runningMean = try scope.buffer("running_mean", shape: [channels], .zeros)
    runningVariance = try scope.buffer("running_var", shape: [channels], .ones)
    batchesTracked = try scope.buffer("num_batches_tracked", shape: [], .zeros, dtype: .int64)
    self.momentum = momentum
    self.epsilon = epsilon
  }

  /// `y = batchNorm(x)`, then `+ residual` where given, then ReLU where asked: what a residual block does, in one pass over the
  /// image where the processor allows it.
  public func callAsFunction(
    _ x: Tensor, training: Bool, adding residual: Tensor? = nil, relu: Bool = false
  ) throws -> Tensor {
    var share = momentum ?? 0
    if training {
      try check { ct_increment(batchesTracked.handle, $0) }
      if momentum == nil { share = 1 / (try batchesTracked.item()) }
    }
    return try x.batchNormalized(
      weight, bias, mean: runningMean, variance: runningVariance, training: training, momentum: share, epsilon: epsilon,
      adding: residual, relu: relu)
  }

  /// Forgets the running statistics.
  public func resetStatistics() throws {
    let channels = runningMean.count
    try runningMean.copy(from: HostTensor(floats: [Float](repeating: 0, count: channels), shape: [channels]))
    try runningVariance.copy(from: HostTensor(floats: [Float](repeating: 1, count: channels), shape: [channels]))
    try batchesTracked.copy(from: HostTensor(integers: [0], shape: []))
  }
}

extension Tensor {
  /// Batch norm of `[N, C, H, W]` with scale, shift, running mean and variance `[C]`, then `+ residual`, then ReLU where asked.
  /// In training `mean` and `variance` move by `momentum` towards the batch's mean and unbiased variance.
  public func batchNormalized(
    _ weight: Tensor, _ bias: Tensor, mean: Tensor, variance: Tensor, training: Bool, momentum: Double, epsilon: Double,
    adding residual: Tensor? = nil, relu: Bool = false
  ) throws -> Tensor {
    try withExtendedLifetime((bias, mean, variance, residual)) {
      try make(weight) {
        ct_batch_norm(
          $0, $1, bias.handle, mean.handle, variance.handle, training, momentum, epsilon, residual?.handle, relu, $2, $3
        )
      }
    }
  }
}

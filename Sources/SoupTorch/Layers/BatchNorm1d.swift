import CTorch
import SoupTensors

/// Batch normalisation of vectors `[N, C]`: `y = γ·(x − μ)/√(σ² + ε) + β`, per channel; γ = 1 and β = 0 without `affine`.
///
/// In training μ and σ² are the batch's and the running statistics move towards them; otherwise the running ones are used.
/// - Source: Ioffe and Szegedy, 2015, arXiv:1502.03167.
public final class BatchNorm1d {
  public let weight: Tensor?
  public let bias: Tensor?
  public let runningMean: Tensor
  public let runningVariance: Tensor
  /// Number of training batches seen, int64.
  public let batchesTracked: Tensor
  /// How far the running statistics move towards a batch's.
  public let momentum: Double
  public let epsilon: Double

  /// Names `weight` (1) and `bias` (0) if `affine`, and `running_mean` (0), `running_var` (1), `num_batches_tracked` (0).
  public init(
    _ scope: Scope, _ channels: Int, affine: Bool = true, momentum: Double = 0.1, epsilon: Double = 1e-5
  ) throws {
    weight = affine ? try scope.parameter("weight", shape: [channels], .ones) : nil
    bias = affine ? try scope.parameter("bias", shape: [channels], .zeros) : nil
    runningMean = try scope.buffer("running_mean", shape: [channels], .zeros)
    runningVariance = try scope.buffer("running_var", shape: [channels], .ones)
    batchesTracked = try scope.buffer("num_batches_tracked", shape: [], .zeros, dtype: .int64)
    self.momentum = momentum
    self.epsilon = epsilon
  }

  /// `[N, C]` → `[N, C]`, then ReLU where asked.
  /// - Throws: `TorchError` in training for a batch of one, which has no variance.
  public func callAsFunction(_ x: Tensor, training: Bool, relu: Bool = false) throws -> Tensor {
    guard !training || x.shape[0] > 1 else {
      throw TorchError(code: .invalidArgument, message: "batch norm has no variance to learn from a batch of one")
    }
    if training { try check { ct_increment(batchesTracked.handle, $0) } }
    if let weight, let bias {
      // The statistics of an image of one pixel; the kernels of BatchNorm2d take it in one pass, ReLU included.
      let y = try x.reshape(x.shape + [1, 1]).batchNormalized(
        weight, bias, mean: runningMean, variance: runningVariance, training: training, momentum: momentum,
        epsilon: epsilon, relu: relu)
      return try y.reshape(x.shape)
    }
    let y = try withExtendedLifetime(runningVariance) {
      try x.make(runningMean) {
        ct_standardize($0, $1, runningVariance.handle, training, momentum, epsilon, $2, $3)
      }
    }
    return relu ? try y.relu() : y
  }
}

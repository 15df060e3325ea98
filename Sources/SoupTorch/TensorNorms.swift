import CTorch
import SoupTensors

// Norms of vectors and matrices, with gradients.
extension Tensor {
  /// Vectors along the last dimension at length 1: `x / max(|x|, ε)`. A zero vector stays zero.
  public func normalized(epsilon: Double = 1e-12) throws -> Tensor { try make { ct_normalize($0, epsilon, $1, $2) } }

  /// Euclidean norms along the last dimension, which disappears. The gradient at zero is zero.
  public func vectorNorm() throws -> Tensor { try make(ct_vector_norm) }

  /// Nuclear norm of each matrix: the sum of its singular values, `[…, m, n]` → `[…]`, float32 or float64.
  ///
  /// Singular values come from the eigenvalues of the smaller Gram matrix in float64. The gradient is `U·Vᵀ`; singular values
  /// that are zero to the input's rounding take no part in it (the subgradient of least norm), so it is always finite.
  /// - Complexity: O(m·n·min(m, n)).
  public func nuclearNorm() throws -> Tensor { try make(ct_nuclear_norm) }
}

extension Tensor {
  /// Epps and Pulley's statistic of standard normality, averaged over views and slices: `[V, N, K]` → a scalar.
  ///
  /// ```text
  /// N · ∫ |φ̂(t) − exp(−t²/2)|² exp(−t²/2) dt over [−limit, limit],   φ̂(t) = 1/N · Σₙ exp(i·t·yₙ)
  /// ```
  /// by the trapezoid rule at `knots` points of `[0, limit]`, doubled by symmetry. 1.05 on average for N numbers drawn from
  /// N(0, 1), whatever N is; it grows with N otherwise.
  /// - Source: Epps and Pulley, *A test for normality based on the empirical characteristic function*, Biometrika 70, 1983.
  public func eppsPulley(knots: Int = 17, limit: Double = 3) throws -> Tensor {
    try make { ct_epps_pulley($0, knots, limit, $1, $2) }
  }
}

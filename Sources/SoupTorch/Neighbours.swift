import CTorch
import SoupTensors

extension Tensor {
  /// Of each row the rows of `bank` with the largest inner products, in falling order, the earlier of equal ones first. No
  /// gradients.
  ///
  /// Tiles of products are looked through as they are made: memory does not grow with `N · M`.
  /// - Parameters:
  ///   - count: how many, from 1 to M.
  ///   - bank: `[M, D]`; self is `[N, D]`, both float32.
  /// - Returns: `[N, count]` float32 and int64. Products that are NaN are left out; where too few are left, the values end in
  ///   −∞ and the indices in −1.
  public func nearest(_ count: Int, in bank: Tensor) throws -> (values: Tensor, indices: Tensor) {
    var indices: ct_tensor?
    let values = try make(bank) { ct_nearest($0, $1, count, $2, &indices, $3) }
    guard let indices else { throw TorchError(code: .failed, message: "nearest gave no indices") }
    return (values, Tensor(owning: indices))
  }

  /// Rows of length 1: `x / max(‖x‖, 1e-12)` over the last dimension, as PyTorch's `normalize`. Rows of zeros stay.
  public func normalizedRows() throws -> Tensor {
    // Clamped under the root, whose derivative at 0 is infinite.
    try self / (self * self).sum(over: [-1], keepingDimensions: true).clamped(to: 1e-24...Double.infinity).squareRoot()
  }
}

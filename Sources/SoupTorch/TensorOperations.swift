import CTorch
import SoupTensors

// Element by element, with PyTorch's broadcasting.
extension Tensor {
  public static func + (left: Tensor, right: Tensor) throws -> Tensor { try left.binary(CT_ADD, right) }
  public static func - (left: Tensor, right: Tensor) throws -> Tensor { try left.binary(CT_SUBTRACT, right) }
  public static func * (left: Tensor, right: Tensor) throws -> Tensor { try left.binary(CT_MULTIPLY, right) }
  public static func / (left: Tensor, right: Tensor) throws -> Tensor { try left.binary(CT_DIVIDE, right) }
  public static func + (left: Tensor, right: Double) throws -> Tensor { try left.binary(CT_ADD, right) }
  public static func - (left: Tensor, right: Double) throws -> Tensor { try left.binary(CT_SUBTRACT, right) }
  public static func * (left: Tensor, right: Double) throws -> Tensor { try left.binary(CT_MULTIPLY, right) }
  public static func / (left: Tensor, right: Double) throws -> Tensor { try left.binary(CT_DIVIDE, right) }
  public static func + (left: Double, right: Tensor) throws -> Tensor { try right.binary(left, CT_ADD) }
  public static func - (left: Double, right: Tensor) throws -> Tensor { try right.binary(left, CT_SUBTRACT) }
  public static func * (left: Double, right: Tensor) throws -> Tensor { try right.binary(left, CT_MULTIPLY) }
  public static func / (left: Double, right: Tensor) throws -> Tensor { try right.binary(left, CT_DIVIDE) }
  public static prefix func - (tensor: Tensor) throws -> Tensor { try tensor.unary(CT_NEGATE) }

  public func maximum(_ other: Tensor) throws -> Tensor { try binary(CT_MAXIMUM, other) }
  public func minimum(_ other: Tensor) throws -> Tensor { try binary(CT_MINIMUM, other) }
  public func clamped(to range: ClosedRange<Double>) throws -> Tensor {
    try make { ct_clamp($0, range.lowerBound, range.upperBound, $1, $2) }
  }

  public func absolute() throws -> Tensor { try unary(CT_ABSOLUTE) }
  public func exp() throws -> Tensor { try unary(CT_EXP) }
  public func log() throws -> Tensor { try unary(CT_LOG) }
  public func squareRoot() throws -> Tensor { try unary(CT_SQRT) }
  public func power(_ exponent: Double) throws -> Tensor { try make { ct_power($0, exponent, $1, $2) } }
  public func inverseErrorFunction() throws -> Tensor { try unary(CT_ERFINV) }
  public func sigmoid() throws -> Tensor { try unary(CT_SIGMOID) }
  public func tanh() throws -> Tensor { try unary(CT_TANH) }
  public func relu() throws -> Tensor { try unary(CT_RELU) }
  /// `x · Φ(x)` with the exact normal distribution function (by `erf`), as PyTorch's default.
  public func gelu() throws -> Tensor { try unary(CT_GELU) }

  /// True where equal, as a bool tensor.
  public func equal(_ other: Tensor) throws -> Tensor { try make(other, ct_equal) }

  /// Matrix product over the last two dimensions, batched over the others.
  public func matmul(_ other: Tensor) throws -> Tensor { try make(other, ct_matmul) }

  private func unary(_ operation: ct_unary) throws -> Tensor { try make { ct_unary_op(operation, $0, $1, $2) } }

  private func binary(_ operation: ct_binary, _ right: Tensor) throws -> Tensor {
    try make(right) { ct_binary_op(operation, $0, $1, $2, $3) }
  }

  private func binary(_ operation: ct_binary, _ right: Double) throws -> Tensor {
    try make { ct_binary_scalar(operation, $0, right, $1, $2) }
  }

  private func binary(_ left: Double, _ operation: ct_binary) throws -> Tensor {
    try make { ct_scalar_binary(operation, left, $0, $1, $2) }
  }
}

// Reductions. An empty list of dimensions means all of them.
extension Tensor {
  public func sum(over dimensions: [Int] = [], keepingDimensions: Bool = false) throws -> Tensor {
    try reduce(CT_SUM, dimensions, keepingDimensions)
  }
  public func mean(over dimensions: [Int] = [], keepingDimensions: Bool = false) throws -> Tensor {
    try reduce(CT_MEAN, dimensions, keepingDimensions)
  }
  public func max(over dimensions: [Int] = [], keepingDimensions: Bool = false) throws -> Tensor {
    try reduce(CT_MAX, dimensions, keepingDimensions)
  }
  public func min(over dimensions: [Int] = [], keepingDimensions: Bool = false) throws -> Tensor {
    try reduce(CT_MIN, dimensions, keepingDimensions)
  }
  /// Variance with divisor n.
  public func variance(over dimensions: [Int] = [], keepingDimensions: Bool = false) throws -> Tensor {
    try dimensions.withSizes { sizes in try make { ct_variance($0, sizes, keepingDimensions, $1, $2) } }
  }
  /// Index of the largest value along one dimension, int64; the first of equals.
  public func argmax(over dimension: Int, keepingDimensions: Bool = false) throws -> Tensor {
    try make { ct_argmax($0, dimension, keepingDimensions, $1, $2) }
  }
  /// The `count` largest values along `dimension` in falling order, with their indices (int64).
  public func topK(_ count: Int, over dimension: Int = -1) throws -> (values: Tensor, indices: Tensor) {
    var indices: ct_tensor?
    let values = try make { ct_top_k($0, count, dimension, $1, &indices, $2) }
    guard let indices else { throw TorchError(code: .failed, message: "topK gave no indices") }
    return (values, Tensor(owning: indices))
  }
  public func softmax(over dimension: Int = -1) throws -> Tensor { try make { ct_softmax($0, dimension, $1, $2) } }
  public func logSoftmax(over dimension: Int = -1) throws -> Tensor {
    try make { ct_log_softmax($0, dimension, $1, $2) }
  }

  private func reduce(_ reduction: ct_reduction, _ dimensions: [Int], _ keep: Bool) throws -> Tensor {
    try dimensions.withSizes { sizes in try make { ct_reduce(reduction, $0, sizes, keep, $1, $2) } }
  }
}

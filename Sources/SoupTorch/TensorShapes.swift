import CTorch
import SoupTensors

// Views where LibTorch can give one, copies otherwise. Negative dimensions count from the end.
extension Tensor {
  /// The same values in another shape; one size may be -1.
  public func reshape(_ shape: [Int]) throws -> Tensor {
    try shape.withSizes { sizes in try make { ct_reshape($0, sizes, $1, $2) } }
  }

  /// Joins the dimensions `first...last` to one.
  public func flatten(from first: Int = 0, to last: Int = -1) throws -> Tensor {
    try make { ct_flatten($0, first, last, $1, $2) }
  }

  public func permute(_ order: [Int]) throws -> Tensor {
    try order.withSizes { sizes in try make { ct_permute($0, sizes, $1, $2) } }
  }

  public func transpose(_ first: Int, _ second: Int) throws -> Tensor {
    try make { ct_transpose($0, first, second, $1, $2) }
  }

  /// `length` entries from `start` along `dimension`.
  public func narrow(_ dimension: Int, start: Int, length: Int) throws -> Tensor {
    try make { ct_narrow($0, dimension, start, length, $1, $2) }
  }

  /// Every `step`-th entry of `start..<end` along `dimension`; without `end`, up to the last.
  public func slice(_ dimension: Int, start: Int = 0, end: Int? = nil, step: Int = 1) throws -> Tensor {
    try make { ct_slice($0, dimension, start, end ?? .max, step, $1, $2) }
  }

  /// Entry `index` along `dimension`, which disappears.
  public func select(_ dimension: Int, index: Int) throws -> Tensor {
    try make { ct_select($0, dimension, index, $1, $2) }
  }

  /// The entries named by `indices` (int64, rank 1) along `dimension`.
  public func indexSelect(_ dimension: Int, indices: Tensor) throws -> Tensor {
    try make(indices) { ct_index_select($0, dimension, $1, $2, $3) }
  }

  /// Repeats dimensions of size 1 without copying; -1 keeps a size.
  public func expand(_ shape: [Int]) throws -> Tensor {
    try shape.withSizes { sizes in try make { ct_expand($0, sizes, $1, $2) } }
  }

  public func unsqueeze(_ dimension: Int) throws -> Tensor { try make { ct_unsqueeze($0, dimension, $1, $2) } }
  public func squeeze(_ dimension: Int) throws -> Tensor { try make { ct_squeeze($0, dimension, $1, $2) } }

  /// Adds a border of one value; `padding` is (before, after) pairs from the last dimension backwards, as in PyTorch.
  public func padded(_ padding: [Int], value: Double = 0) throws -> Tensor {
    try padding.withSizes { sizes in try make { ct_pad($0, sizes, value, $1, $2) } }
  }

  public static func concatenated(_ tensors: [Tensor], dimension: Int = 0) throws -> Tensor {
    try tensors.withHandles { list in try make { ct_concatenate(list, dimension, $0, $1) } }
  }

  public static func stacked(_ tensors: [Tensor], dimension: Int = 0) throws -> Tensor {
    try tensors.withHandles { list in try make { ct_stack(list, dimension, $0, $1) } }
  }

  // MARK: Copies and conversions

  public func clone() throws -> Tensor { try make(ct_clone) }

  public func to(_ dtype: DType) throws -> Tensor { try make { ct_to_dtype($0, dtype.torchCode, $1, $2) } }
  public func to(_ device: Device) throws -> Tensor { try make { ct_to_device($0, device.code, $1, $2) } }

  /// The same `[N, C, H, W]` tensor stored with channels innermost, as convolutions on the CPU are fastest.
  public func channelsLast() throws -> Tensor { try make { ct_contiguous($0, true, $1, $2) } }

  /// The same tensor stored row-major.
  public func contiguous() throws -> Tensor { try make { ct_contiguous($0, false, $1, $2) } }

  // MARK: Images

  /// Mean over windows of `[N, C, H, W]`.
  public func averagePool(size: Int, stride: Int? = nil, padding: Int = 0) throws -> Tensor {
    try make { ct_average_pool($0, size, stride ?? size, padding, $1, $2) }
  }

  /// Largest value over windows of `[N, C, H, W]`.
  public func maxPool(size: Int, stride: Int? = nil, padding: Int = 0) throws -> Tensor {
    try make { ct_max_pool($0, size, stride ?? size, padding, $1, $2) }
  }

  /// Mean over a grid of `height` by `width` windows that covers the image; `[N, C, height, width]`.
  public func adaptiveAveragePool(height: Int = 1, width: Int = 1) throws -> Tensor {
    try make { ct_adaptive_average_pool($0, height, width, $1, $2) }
  }
}

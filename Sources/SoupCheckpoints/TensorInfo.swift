import SoupTensors

/// One tensor of a checkpoint, as its header describes it.
public struct TensorInfo: Sendable, Hashable {
  public let name: String
  public let dtype: DType
  public let shape: [Int]
  /// Where its bytes lie in the file. In a checkpoint of several files, or of tensors that are compressed, strided or
  /// big-endian: where they would lie if the tensors followed one another.
  public let byteRange: Range<Int>

  package init(name: String, dtype: DType, shape: [Int], byteRange: Range<Int>) {
    (self.name, self.dtype, self.shape, self.byteRange) = (name, dtype, shape, byteRange)
  }

  /// Number of elements.
  public var count: Int { byteRange.count / dtype.size }
}

import CKernels

/// A tensor in host memory: a dtype, a shape, and contiguous row-major little-endian bytes. Values never change.
public struct HostTensor: Sendable {
  public let dtype: DType
  public let shape: [Int]
  public let storage: HostStorage
  /// Where this tensor's bytes begin in `storage`.
  public let byteOffset: Int

  /// Number of elements; 1 for a scalar (empty shape).
  public var count: Int { shape.reduce(1, *) }
  /// Number of bytes.
  public var byteCount: Int { count * dtype.size }

  /// A view of part of `storage`.
  /// - Throws: `TensorError.storageTooSmall` if the shape does not fit, also when its size overflows.
  public init(dtype: DType, shape: [Int], storage: HostStorage, byteOffset: Int = 0) throws(TensorError) {
    guard let bytes = Self.byteCount(shape: shape, dtype: dtype), byteOffset >= 0,
      byteOffset <= storage.bytes.count, bytes <= storage.bytes.count - byteOffset
    else {
      throw .storageTooSmall(shape: shape, dtype: dtype, byteOffset: byteOffset, available: storage.bytes.count)
    }
    self.dtype = dtype
    self.shape = shape
    self.storage = storage
    self.byteOffset = byteOffset
  }

  /// Allocates a tensor and lets `fill` write its bytes once.
  public init(
    dtype: DType, shape: [Int], fill: (UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    guard let bytes = Self.byteCount(shape: shape, dtype: dtype) else {
      throw TensorError.storageTooSmall(shape: shape, dtype: dtype, byteOffset: 0, available: 0)
    }
    self.dtype = dtype
    self.shape = shape
    self.storage = try HostStorage(count: bytes, fill: fill)
    self.byteOffset = 0
  }

  /// A Float32 tensor of the given values, row-major.
  /// - Throws: `TensorError.countMismatch` if the shape does not hold `values.count` elements.
  public init(floats values: [Float], shape: [Int]) throws {
    try self.init(elements: values, dtype: .float32, shape: shape)
  }

  /// An Int64 tensor of the given values, row-major.
  public init(integers values: [Int64], shape: [Int]) throws {
    try self.init(elements: values, dtype: .int64, shape: shape)
  }

  /// A Float64 tensor of the given values, row-major.
  public init(doubles values: [Double], shape: [Int]) throws {
    try self.init(elements: values, dtype: .float64, shape: shape)
  }

  private init<Element: BitwiseCopyable>(elements: [Element], dtype: DType, shape: [Int]) throws {
    guard Self.byteCount(shape: shape, dtype: dtype) == elements.count * dtype.size else {
      throw TensorError.countMismatch(shape: shape, count: elements.count)
    }
    try self.init(dtype: dtype, shape: shape) { bytes in
      elements.withUnsafeBytes { bytes.copyMemory(from: $0) }
    }
  }

  /// Calls `body` with the tensor's bytes. The pointer is valid only inside.
  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try withExtendedLifetime(storage) {
      try body(UnsafeRawBufferPointer(rebasing: storage.bytes[byteOffset..<byteOffset + byteCount]))
    }
  }

  /// All elements as Float32, converted from whatever is stored (nearest value).
  public func floats() -> [Float] {
    withUnsafeBytes { source in
      [Float](unsafeUninitializedCapacity: count) { target, initialized in
        ck_to_f32(dtype.kernelCode, source.baseAddress, target.baseAddress, count)
        initialized = count
      }
    }
  }

  /// All elements as Float64, exact for every dtype but large Int64 values.
  public func doubles() -> [Double] {
    withUnsafeBytes { source in
      [Double](unsafeUninitializedCapacity: count) { target, initialized in
        ck_to_f64(dtype.kernelCode, source.baseAddress, target.baseAddress, count)
        initialized = count
      }
    }
  }

  /// Size in bytes of a tensor, or nil when a dimension is negative or the product overflows.
  public static func byteCount(shape: [Int], dtype: DType) -> Int? {
    var bytes = dtype.size
    for dimension in shape {
      guard dimension >= 0 else { return nil }
      let (product, overflow) = bytes.multipliedReportingOverflow(by: dimension)
      if overflow { return nil }
      bytes = product
    }
    return bytes
  }
}

/// What can be wrong with a tensor before any file or formula is involved.
public enum TensorError: Error, Sendable, Equatable, CustomStringConvertible {
  case storageTooSmall(shape: [Int], dtype: DType, byteOffset: Int, available: Int)
  case countMismatch(shape: [Int], count: Int)
  case duplicateName(String)

  public var description: String {
    switch self {
    case .storageTooSmall(let shape, let dtype, let offset, let available):
      "a \(dtype.name) tensor of shape \(shape) does not fit in \(available) bytes from offset \(offset)"
    case .countMismatch(let shape, let count):
      "shape \(shape) holds \(shape.reduce(1, &*)) elements, but \(count) values were given"
    case .duplicateName(let name):
      "two tensors are named '\(name)'; names in a state dict are unique"
    }
  }
}

extension DType {
  /// The code that `CKernels` uses for this dtype.
  public var kernelCode: ck_dtype {
    switch self {
    case .float64: CK_F64
    case .float32: CK_F32
    case .float16: CK_F16
    case .bfloat16: CK_BF16
    case .float8E4M3: CK_F8_E4M3
    case .float8E5M2: CK_F8_E5M2
    case .int64: CK_I64
    case .int32: CK_I32
    case .int16: CK_I16
    case .int8: CK_I8
    case .uint8: CK_U8
    case .bool: CK_BOOL
    }
  }
}

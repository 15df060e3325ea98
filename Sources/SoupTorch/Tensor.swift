import CTorch
import SoupTensors

/// A LibTorch tensor: a shape, a dtype, a device, values, and its part in the autograd graph.
///
/// Every operation throws `TorchError` if LibTorch refuses it; one `try` covers a whole expression.
/// Tensors stay in the task that made them; `HostTensor` crosses tasks.
public final class Tensor {
  let handle: ct_tensor

  /// Takes ownership of one reference.
  init(owning handle: ct_tensor) { self.handle = handle }

  deinit { ct_tensor_free(handle) }

  /// Copies a host tensor to `device`, dtype and shape unchanged.
  public convenience init(_ host: HostTensor, device: Device = .cpu) throws {
    let made = try host.withUnsafeBytes { bytes in
      try host.shape.withSizes { shape in
        try Tensor.newHandle {
          ct_from_bytes(bytes.baseAddress, host.dtype.torchCode, shape, device.code, $0, $1)
        }
      }
    }
    self.init(owning: made)
  }

  /// A tensor of the given values, row-major.
  public convenience init(_ values: [Float], shape: [Int], device: Device = .cpu) throws {
    try self.init(HostTensor(floats: values, shape: shape), device: device)
  }

  /// A contiguous row-major copy in host memory.
  public func host() throws -> HostTensor {
    guard let dtype = DType(ct_tensor_dtype(handle)) else {
      throw TorchError(code: .unsupported, message: "this tensor's element type has no counterpart in host memory")
    }
    return try HostTensor(dtype: dtype, shape: shape) { bytes in
      try check { ct_read_bytes(handle, bytes.baseAddress, bytes.count, $0) }
    }
  }

  /// Overwrites the values in place, converting the dtype. Memory format, device and autograd part stay.
  /// - Throws: `TorchError` if the shapes differ.
  public func copy(from host: HostTensor) throws {
    try host.withUnsafeBytes { bytes in
      try host.shape.withSizes { shape in
        try check { ct_copy_bytes(handle, bytes.baseAddress, host.dtype.torchCode, shape, $0) }
      }
    }
  }

  // MARK: What it is

  public var shape: [Int] {
    [Int](unsafeUninitializedCapacity: ct_rank(handle)) { sizes, count in
      count = ct_rank(handle)
      if let base = sizes.baseAddress { ct_shape(handle, base) }
    }
  }
  public var rank: Int { ct_rank(handle) }
  public var count: Int { ct_count(handle) }
  /// The dtype; a type that host tensors do not know (complex, quantised) shows as float32, and no layer makes one.
  public var dtype: DType { DType(ct_tensor_dtype(handle)) ?? .float32 }
  public var device: Device { Device(ct_tensor_device(handle)) }
  /// Whether a `[N, C, H, W]` tensor is stored with channels innermost.
  public var isChannelsLast: Bool { ct_is_channels_last(handle) }

  /// The value of a tensor with one element.
  public func item() throws -> Double {
    var value = 0.0
    try check { ct_item(handle, &value, $0) }
    return value
  }
}

extension Tensor: CustomStringConvertible {
  public var description: String { "Tensor(\(dtype.name), \(shape), \(device))" }
}

// MARK: - Calling CTorch

extension Tensor {
  /// Runs a call that makes a tensor handle.
  static func newHandle(_ body: (TensorOut, ErrorOut) -> ct_status) throws -> ct_tensor {
    var made: ct_tensor?
    try check { body(&made, $0) }
    guard let made else { throw TorchError(code: .failed, message: "the operation gave no tensor") }
    return made
  }

  /// Runs a call that makes a tensor from nothing.
  static func make(_ body: (TensorOut, ErrorOut) -> ct_status) throws -> Tensor {
    Tensor(owning: try newHandle(body))
  }

  /// Runs a call on this tensor, which stays alive during the call.
  func make(_ body: (ct_tensor, TensorOut, ErrorOut) -> ct_status) throws -> Tensor {
    try withExtendedLifetime(self) { try Tensor.make { body(handle, $0, $1) } }
  }

  /// Runs a call on two tensors.
  func make(_ other: Tensor, _ body: (ct_tensor, ct_tensor, TensorOut, ErrorOut) -> ct_status) throws -> Tensor {
    try withExtendedLifetime((self, other)) { try Tensor.make { body(handle, other.handle, $0, $1) } }
  }
}

extension [Int] {
  /// The list as `CTorch` takes it; valid inside `body`.
  func withSizes<R>(_ body: (ct_sizes) throws -> R) rethrows -> R {
    try withUnsafeBufferPointer { try body(ct_sizes(values: $0.baseAddress, count: $0.count)) }
  }
}

extension [Tensor] {
  /// The list as `CTorch` takes it; valid inside `body`.
  func withHandles<R>(_ body: (ct_tensors) throws -> R) rethrows -> R {
    let handles: [ct_tensor?] = map(\.handle)
    return try withExtendedLifetime(self) {
      try handles.withUnsafeBufferPointer { try body(ct_tensors(values: $0.baseAddress, count: $0.count)) }
    }
  }
}

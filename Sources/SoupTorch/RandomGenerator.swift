import CTorch
import SoupTensors

/// LibTorch's random numbers for one purpose: initialisation, dropout, drop path. The Mersenne twister on the CPU.
///
/// The same seed gives the same draws as `torch.Generator().manual_seed(seed)`.
public final class RandomGenerator {
  let handle: ct_generator
  public let device: Device

  public init(seed: UInt64, device: Device = .cpu) throws {
    var made: ct_generator?
    try check { ct_generator_new(seed, device.code, &made, $0) }
    guard let made else { throw TorchError(code: .failed, message: "no generator for \(device)") }
    self.handle = made
    self.device = device
  }

  deinit { ct_generator_free(handle) }

  /// Everything that decides the next draws, as bytes (uint8).
  public func state() throws -> HostTensor {
    try Tensor.make { ct_generator_state(handle, $0, $1) }.host()
  }

  /// Continues from a state got from `state()`.
  public func restore(_ state: HostTensor) throws {
    let bytes = try Tensor(state)
    try check { ct_generator_set_state(handle, bytes.handle, $0) }
  }
}

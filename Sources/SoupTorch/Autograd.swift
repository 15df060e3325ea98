import CTorch
import SoupTensors

extension Tensor {
  /// Whether gradients reach this tensor.
  public var requiresGradient: Bool { ct_requires_grad(handle) }

  /// Asks for gradients of a leaf tensor, or stops asking. Returns self.
  @discardableResult
  public func requireGradient(_ value: Bool = true) throws -> Tensor {
    try check { ct_set_requires_grad(handle, value, $0) }
    return self
  }

  /// The gradient that `backward` has summed up, nil before.
  public var gradient: Tensor? {
    var made: ct_tensor?
    guard (try? check { ct_grad(handle, &made, $0) }) != nil else { return nil }
    return made.map { Tensor(owning: $0) }
  }

  /// Forgets the gradient, so that the next `backward` writes instead of adding.
  public func clearGradient() { ct_clear_grad(handle) }

  /// Adds the derivative of this scalar to the gradient of every tensor that it depends on and that asks for one.
  public func backward() throws { try check { ct_backward(handle, $0) } }

  /// The same values outside the autograd graph; shares memory.
  public func detach() throws -> Tensor { try make(ct_detach) }
}

/// Runs `body` without recording operations for gradients.
public func withoutGradients<R>(_ body: () throws -> R) rethrows -> R {
  let before = ct_grad_enabled()
  ct_set_grad_enabled(false)
  defer { ct_set_grad_enabled(before) }
  return try body()
}

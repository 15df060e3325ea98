import SoupTensors

/// A place in a model's tree of names: `root / "layer1" / 0` makes parameters called `layer1.0.…`.
public struct Scope {
  public let store: ParameterStore
  /// The names down to here, joined by dots; empty at the root.
  public let path: String

  public static func / (scope: Scope, name: String) -> Scope {
    Scope(store: scope.store, path: scope.path.isEmpty ? name : "\(scope.path).\(name)")
  }

  public static func / (scope: Scope, index: Int) -> Scope { scope / String(index) }

  /// Makes and names a float32 parameter.
  /// - Parameter trained: false for a parameter that is stored like the others but fixed, such as a sine-cosine position
  ///   embedding.
  /// - Throws: `TensorError.duplicateName` if the model has this name already.
  public func parameter(
    _ name: String, shape: [Int], _ initializer: Initializer, trained: Bool = true
  ) throws -> Tensor {
    let tensor = try initializer.tensor(shape: shape, generator: store.generator, device: store.device)
    try tensor.requireGradient(trained)
    try store.add((self / name).path, tensor, isParameter: true)
    return tensor
  }

  /// Makes and names a buffer: part of the model's state, but no optimiser's business.
  public func buffer(_ name: String, shape: [Int], _ initializer: Initializer, dtype: DType = .float32) throws -> Tensor
  {
    let tensor = try initializer.tensor(shape: shape, generator: store.generator, device: store.device).to(dtype)
    try store.add((self / name).path, tensor, isParameter: false)
    return tensor
  }
}

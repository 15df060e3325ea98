import CTorch
import SoupTensors

/// A TorchScript module of the user's: a network that PyTorch saved with its code, `torch.jit.script(net).save("net.pt")`.
///
/// A TorchScript file is a program, which runs with this process's rights: load only files that you trust.
public final class ScriptModule {
  private let handle: ct_module
  /// Parameters and buffers under the names of PyTorch's `state_dict`.
  public let store: ParameterStore
  public let path: String

  /// Loads a module in evaluation mode.
  /// - Throws: `TorchError` if the file is not TorchScript.
  public init(contentsOf path: String, device: Device = .cpu) throws {
    var made: ct_module?
    do {
      try check { error in path.withCString { ct_module_load($0, device.code, &made, error) } }
    } catch {
      throw TorchError(
        code: error.code,
        message: "'\(path)' is not a TorchScript module (torch.jit.script(net).save(path)): \(error.message)")
    }
    guard let made else { throw TorchError(code: .failed, message: "'\(path)' gave no module") }
    handle = made
    self.path = path
    let visitor = Visitor()
    let context = Unmanaged.passUnretained(visitor).toOpaque()
    do {
      try check { error in
        ct_module_visit(
          made, context,
          { context, name, tensor, isParameter in
            guard let context, let name, let tensor else { return }
            let visitor = Unmanaged<Visitor>.fromOpaque(context).takeUnretainedValue()
            visitor.found.append((String(cString: name), Tensor(owning: tensor), isParameter))
          }, error)
      }
      store = ParameterStore(generator: try RandomGenerator(seed: 0), device: device)
      for (name, tensor, isParameter) in visitor.found { try store.add(name, tensor, isParameter: isParameter) }
    } catch {
      ct_module_free(made)
      throw error
    }
  }

  deinit { ct_module_free(handle) }

  /// The module's `forward` of one tensor.
  /// - Throws: `TorchError` with what the module raised, or if it does not return one tensor.
  public func callAsFunction(_ input: Tensor, training: Bool = false) throws -> Tensor {
    try withExtendedLifetime(self) {
      try input.make { ct_module_forward(handle, $0, training, $1, $2) }
    }
  }

  private final class Visitor {
    var found: [(String, Tensor, Bool)] = []
  }
}

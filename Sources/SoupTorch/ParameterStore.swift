import CTorch
import SoupTensors

/// The named parameters and buffers of one model, in the order in which its layers made them.
///
/// A layer names its parameters once, in its constructor, through a `Scope`; everything else (state dicts, optimisers, moving
/// to a device) goes through this list.
public final class ParameterStore {
  /// A tensor of the model and what it is for.
  public struct Entry {
    public let name: String
    public let tensor: Tensor
    /// False for buffers: running statistics and counters, which no optimiser touches.
    public let isParameter: Bool
  }

  public private(set) var entries: [Entry] = []
  private var names: Set<String> = []
  /// Where initial values and the masks of dropout come from.
  public let generator: RandomGenerator
  public private(set) var device: Device

  public init(generator: RandomGenerator, device: Device = .cpu) {
    self.generator = generator
    self.device = device
  }

  /// The scope of the model itself, with the empty name.
  public var root: Scope { Scope(store: self, path: "") }

  public var parameters: [(name: String, tensor: Tensor)] {
    entries.lazy.filter(\.isParameter).map { ($0.name, $0.tensor) }
  }
  public var buffers: [(name: String, tensor: Tensor)] {
    entries.lazy.filter { !$0.isParameter }.map { ($0.name, $0.tensor) }
  }
  /// Number of values in all parameters.
  public var parameterCount: Int { entries.reduce(0) { $0 + ($1.isParameter ? $1.tensor.count : 0) } }

  public subscript(name: String) -> Tensor? { entries.first { $0.name == name }?.tensor }

  package func add(_ name: String, _ tensor: Tensor, isParameter: Bool) throws {
    guard names.insert(name).inserted else { throw TensorError.duplicateName(name) }
    entries.append(Entry(name: name, tensor: tensor, isParameter: isParameter))
  }

  // MARK: State dicts

  /// Copies of all parameters and buffers, in order, row-major.
  public func stateDict() throws -> StateDict {
    var dict = StateDict()
    for entry in entries { try dict.add(entry.name, entry.tensor.host()) }
    return dict
  }

  /// Overwrites parameters and buffers with those of `dict`, converting dtypes. On error nothing has changed.
  /// - Parameter strict: whether `dict` must hold every name and no other. Shapes must match either way.
  /// - Throws: `StateDictMismatch`, which lists everything that is wrong.
  public func load(_ dict: StateDict, strict: Bool = true) throws {
    var mismatch = StateDictMismatch()
    for entry in entries {
      if let found = dict[entry.name] {
        let expected = entry.tensor.shape
        if found.shape != expected {
          mismatch.shapes.append(.init(name: entry.name, expected: expected, found: found.shape))
        }
      } else if strict {
        mismatch.missing.append(entry.name)
      }
    }
    if strict { mismatch.unexpected = dict.names.filter { !names.contains($0) } }
    guard mismatch.isEmpty else { throw mismatch }
    for entry in entries {
      if let found = dict[entry.name] { try entry.tensor.copy(from: found) }
    }
  }

  // MARK: Placement

  /// Stores the weights of convolutions with channels innermost. Pass images in the same format.
  public func channelsLast() throws {
    for entry in entries where entry.tensor.rank == 4 {
      try entry.tensor.replaceData(entry.tensor.detach().channelsLast())
    }
  }

  /// Moves everything to a device. Do it before making an optimiser.
  public func to(_ device: Device) throws {
    for entry in entries { try entry.tensor.replaceData(entry.tensor.detach().to(device)) }
    self.device = device
  }
}

extension Tensor {
  /// Makes this the same variable with other storage.
  func replaceData(_ data: Tensor) throws { try check { ct_set_data(handle, data.handle, $0) } }
}

/// Named tensors in a fixed order, with the string metadata a checkpoint carries.
///
/// The only thing that crosses floors: checkpoints are read into one, models load one, soups are one.
public struct StateDict: Sendable {
  /// Parameter and buffer names in the order they were added (a model's own order).
  public private(set) var names: [String] = []
  private var tensors: [String: HostTensor] = [:]
  /// Free-form string pairs, stored in the safetensors `__metadata__`.
  public var metadata: [String: String] = [:]

  public init(metadata: [String: String] = [:]) { self.metadata = metadata }

  /// Builds a state dict from pairs in order.
  /// - Throws: `TensorError.duplicateName`.
  public init(_ pairs: [(String, HostTensor)], metadata: [String: String] = [:]) throws(TensorError) {
    self.metadata = metadata
    for (name, tensor) in pairs { try add(name, tensor) }
  }

  public var count: Int { names.count }
  public var isEmpty: Bool { names.isEmpty }

  /// Appends a tensor under a new name.
  /// - Throws: `TensorError.duplicateName`.
  public mutating func add(_ name: String, _ tensor: HostTensor) throws(TensorError) {
    guard tensors.updateValue(tensor, forKey: name) == nil else { throw .duplicateName(name) }
    names.append(name)
  }

  /// The tensor of that name. Assigning replaces in place, appends a new name, or removes with nil.
  public subscript(name: String) -> HostTensor? {
    get { tensors[name] }
    set {
      let known = tensors[name] != nil
      tensors[name] = newValue
      if !known, newValue != nil { names.append(name) }
      if known, newValue == nil { names.removeAll { $0 == name } }
    }
  }
}

extension StateDict: Sequence {
  /// Iterates `(name, tensor)` in order.
  public func makeIterator() -> AnyIterator<(name: String, tensor: HostTensor)> {
    var index = 0
    return AnyIterator {
      guard index < names.count else { return nil }
      defer { index += 1 }
      return (names[index], tensors[names[index]]!)
    }
  }
}

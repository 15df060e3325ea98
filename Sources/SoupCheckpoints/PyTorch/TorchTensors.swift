import SoupTensors

/// Knows which calls of a PyTorch pickle make a tensor, and of what: the whole allow-list.
struct TorchTensors {
  /// Where a storage's bytes are; throws if there is no such storage.
  typealias Locate = (TorchStorage) throws(CheckpointError) -> Place

  /// The bytes of a storage.
  struct Place {
    let byteCount: Int
    /// Where the tensor begins that begins at this byte of the storage.
    let source: (Int) -> TensorSource.Place
    var isBigEndian = false
  }

  let graph: PickleGraph
  let path: String
  let locate: Locate

  /// A tensor that repeats its storage, by strides of 0, may have this many bytes, or as many as the storage.
  static let freeExpansion = 16 << 20

  /// Functions that only give a name, a Python class or a flag to the tensor that is their argument.
  private static let wrappers: Set<String> = [
    "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
    "torch._utils._rebuild_device_tensor_from_cpu_tensor",
  ]
  private static let makers: Set<String> = [
    "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3",
  ]
  private static let typed: Set<String> = ["torch._tensor._rebuild_from_type_v2", "torch._tensor._rebuild_from_type"]
  private static let plainTypes: Set<String> = [
    "torch.Tensor", "torch._tensor.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer",
  ]
  /// Kinds of tensors that PyTorch has and this program has not.
  private static let otherKinds: [String: String] = [
    "torch._utils._rebuild_sparse_tensor": "sparse", "torch._utils._rebuild_qtensor": "quantized",
    "torch._utils._rebuild_nested_tensor": "nested", "torch._utils._rebuild_meta_tensor_no_storage": "without values",
    "torch._utils._rebuild_wrapper_subclass": "of a subclass without values",
  ]

  /// Whether a node is a call that makes a tensor, of a kind that can be read or not.
  func isTensor(_ node: PickleGraph.Node) -> Bool {
    guard let name = graph.callee(node)?.description else { return false }
    return Self.makers.contains(name) || Self.wrappers.contains(name) || Self.typed.contains(name)
      || Self.otherKinds[name] != nil
  }

  /// - Parameters:
  ///   - node: one for which `isTensor` holds.
  ///   - name: what the tensor is called.
  func tensor(_ node: PickleGraph.Node, name: String) throws(CheckpointError) -> CheckpointContents.Tensor {
    var node = node
    var callee = graph.callee(node)?.description ?? ""
    var arguments = graph.elements(node.arguments) ?? []
    // Wrappers may be wrapped; a file could wrap one in itself.
    for _ in 0..<16 {
      if Self.makers.contains(callee) { return try make(callee, arguments, name) }
      if Self.typed.contains(callee) {
        guard arguments.count >= 3, let function = graph.name(arguments[0]), let type = graph.name(arguments[1]) else {
          throw strange(name)
        }
        guard Self.plainTypes.contains(type.description) else { throw unknown(type, name) }
        callee = function.description
        arguments = graph.elements(arguments[2]) ?? []
        guard isKnown(callee) else { throw unknown(function, name) }
      } else if Self.wrappers.contains(callee) {
        guard let inner = arguments.first.flatMap({ graph[$0] }), let function = graph.callee(inner) else {
          throw strange(name)
        }
        node = inner
        callee = function.description
        arguments = graph.elements(node.arguments) ?? []
        guard isKnown(callee) else { throw unknown(function, name) }
      } else if let kind = Self.otherKinds[callee] {
        throw CheckpointError(
          .unsupported, path, "tensor '\(name)' is \(kind)", advice: "store it as an ordinary tensor")
      }
    }
    throw strange(name)
  }

  /// The error for an object through which a tensor would have to pass.
  func unknown(_ function: PickleName?, _ name: String) -> CheckpointError {
    CheckpointError(
      .unsafePickle, path,
      "'\(name)' would be made by calling '\(function.map(\.description) ?? "an object")', which is not known to be "
        + "harmless; nothing was called",
      advice: "in the program that wrote it, save model.state_dict() alone")
  }

  private func isKnown(_ callee: String) -> Bool {
    Self.makers.contains(callee) || Self.wrappers.contains(callee) || Self.typed.contains(callee)
      || Self.otherKinds[callee] != nil
  }

  private func make(
    _ callee: String, _ arguments: [PickleValue], _ name: String
  ) throws(CheckpointError) -> CheckpointContents.Tensor {
    guard arguments.count >= 4, case .integer(let offset) = arguments[1], offset >= 0,
      let shape = integers(arguments[2]), let strides = integers(arguments[3]), shape.count == strides.count,
      shape.count <= 64
    else { throw strange(name) }
    let storage = try TorchStorage(arguments[0], in: graph, path: path)
    let isThird = callee.hasSuffix("_v3")
    var dtype = storage.type.dtype
    var typeName = storage.type.name
    if isThird {
      guard arguments.count >= 7, let type = graph.name(arguments[6]), type.module == "torch" else {
        throw strange(name)
      }
      typeName = type.name
      dtype = DType.allCases.first { $0.name == type.name }
    }
    guard let dtype else {
      throw CheckpointError(
        .unknownDType, path, "tensor '\(name)' has the dtype '\(typeName)'",
        advice: "known are \(DType.allCases.map(\.name).joined(separator: ", "))")
    }
    if let flags = arguments.dropFirst(isThird ? 7 : 6).first, let node = graph[flags], !node.items.isEmpty {
      throw CheckpointError(
        .unsupported, path, "tensor '\(name)' is stored negated or conjugated", advice: "save it after resolve_neg()")
    }
    guard let bytes = HostTensor.byteCount(shape: shape, dtype: dtype),
      let extent = TensorSource.extent(shape: shape, strides: strides)
    else {
      throw CheckpointError(
        .sizeMismatch, path, "tensor '\(name)' of shape \(shape) would have more bytes than can be counted")
    }
    guard extent > 0 else {
      return .init(name: name, dtype: dtype, shape: shape, source: TensorSource(.stored(offset: 0)))
    }

    let place = try locate(storage)
    var available = place.byteCount
    var start = 0
    if let view = storage.view {
      start = view.lowerBound * storage.type.size
      available = view.count * storage.type.size
    }
    guard offset <= available / dtype.size, extent <= available / dtype.size - offset else {
      throw CheckpointError(
        .offsetsOutOfRange, path,
        "tensor '\(name)' (shape \(shape), strides \(strides), offset \(offset)) reaches beyond its storage of "
          + "\(available / dtype.size) elements")
    }
    guard bytes <= max(available, Self.freeExpansion) else {
      throw CheckpointError(
        .expansion, path, "tensor '\(name)' of shape \(shape) repeats a storage of \(available) bytes to \(bytes)",
        advice: "if you trust it, save a copy that is contiguous()")
    }
    return .init(
      name: name, dtype: dtype, shape: shape,
      source: TensorSource(
        place.source(start + offset * dtype.size), strides: TensorSource.normalized(strides: strides, shape: shape),
        isBigEndian: place.isBigEndian && dtype.size > 1))
  }

  /// The members of a tuple of integers, or of the `torch.Size` of one.
  private func integers(_ value: PickleValue) -> [Int]? {
    var value = value
    if let node = graph[value], graph.callee(node)?.description == "torch.Size",
      let inner = graph.elements(node.arguments)?.first
    {
      value = inner
    }
    guard let elements = graph.elements(value) else { return nil }
    var result: [Int] = []
    for element in elements {
      guard case .integer(let number) = element, number >= 0 else { return nil }
      result.append(number)
    }
    return result
  }

  private func strange(_ name: String) -> CheckpointError {
    CheckpointError(
      .invalidPickle, path, "tensor '\(name)' is described in a way that PyTorch does not",
      advice: "it is damaged or made to mislead")
  }
}

import SoupTensors

/// Writes the pickle of a state dict as `torch.save` does: protocol 2, an ordered dictionary of `_rebuild_tensor_v2`
/// calls. Float8, which has no storage class, goes through `_rebuild_tensor_v3` and bytes.
struct PyTorchPickle {
  struct Tensor {
    let name: String
    let dtype: DType
    let shape: [Int]
    /// Number of the storage that holds exactly this tensor.
    let storage: Int
  }

  private var bytes: [UInt8] = []
  private var memo: [String: Int] = [:]

  static func stateDict(_ tensors: [Tensor]) -> [UInt8] {
    var pickle = PyTorchPickle()
    pickle.bytes = [0x80, 2]
    pickle.emptyOrderedDictionary()
    if !tensors.isEmpty {
      pickle.emit("(")
      for tensor in tensors { pickle.append(tensor) }
      pickle.emit("u")
    }
    pickle.emit(".")
    return pickle.bytes
  }

  private mutating func append(_ tensor: Tensor) {
    text(tensor.name)
    let count = tensor.shape.reduce(1, *)
    let storage = TorchStorageType.name(tensor.dtype)
    global("torch._utils", storage == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
    emit("((")
    shared("storage")
    if let storage { global("torch", storage) } else { global("torch.storage", "UntypedStorage") }
    text(String(tensor.storage))
    shared("cpu")
    integer(storage == nil ? count * tensor.dtype.size : count)
    emit("tQ")
    integer(0)
    tuple(tensor.shape)
    var strides: [Int] = []
    var step = 1
    for size in tensor.shape.reversed() {
      strides.append(step)
      step = step &* max(size, 1)
    }
    tuple(strides.reversed())
    bytes.append(0x89)  // does not require a gradient
    emptyOrderedDictionary()  // hooks
    if storage == nil { global("torch", tensor.dtype.name) }
    emit("tR")
  }

  private mutating func emit(_ instructions: String) { bytes += Array(instructions.utf8) }

  private mutating func emptyOrderedDictionary() {
    global("collections", "OrderedDict")
    emit(")R")
  }

  private mutating func tuple(_ values: [Int]) {
    emit("(")
    for value in values { integer(value) }
    emit("t")
  }

  private mutating func integer(_ value: Int) {
    switch value {
    case 0...0xFF: bytes += [0x4B, UInt8(value)]
    case 0...Int(Int32.max): bytes += [0x4A] + little(Int32(value))
    default: bytes += [0x8A, 8] + little(Int64(value))
    }
  }

  private mutating func text(_ text: String) {
    let utf8 = Array(text.utf8)
    bytes += [0x58] + little(UInt32(utf8.count)) + utf8
  }

  /// A string that occurs again and again.
  private mutating func shared(_ text: String) { once(text) { $0.text(text) } }

  private mutating func global(_ module: String, _ name: String) {
    once("\(module) \(name)") { $0.emit("c\(module)\n\(name)\n") }
  }

  /// Writes a value the first time, and a reference to it later.
  private mutating func once(_ key: String, _ write: (inout Self) -> Void) {
    if let index = memo[key] {
      bytes += [0x68, UInt8(index)]
    } else {
      write(&self)
      // At most a dozen storage types and as many names: one byte is enough.
      bytes += [0x71, UInt8(memo.count)]
      memo[key] = memo.count
    }
  }

  private func little(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}

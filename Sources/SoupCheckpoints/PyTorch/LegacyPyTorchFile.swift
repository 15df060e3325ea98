import SoupTensors

/// A file of `torch.save` before PyTorch 1.6, or with `_use_new_zipfile_serialization=False`: five pickles one after
/// another (a magic number, a version, the machine, the object, the keys of its storages), then for each key a 64-bit
/// count and the elements, always little-endian.
struct LegacyPyTorchFile {
  private let bytes: UnsafeRawBufferPointer
  private let path: String

  /// 0x1950a86a20f9469cfc6c
  private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
  private static let version = 1001

  init(_ bytes: UnsafeRawBufferPointer, path: String) throws(CheckpointError) {
    self.bytes = bytes
    self.path = path
  }

  func contents(key: String?) throws(CheckpointError) -> CheckpointContents {
    let (first, afterMagic) = try PickleMachine.read(bytes, path: path)
    guard case .large(let range) = first.root, bytes[range].elementsEqual(Self.magic) else {
      throw CheckpointError(
        .unsupported, path, "is a Python pickle, but not one of torch.save",
        advice: "save the state dict with torch.save")
    }
    let (second, afterVersion) = try PickleMachine.read(bytes, at: afterMagic, path: path)
    guard case .integer(Self.version) = second.root else {
      throw CheckpointError(.unsupported, path, "has a version of PyTorch's old format that was never released")
    }
    let (_, afterMachine) = try PickleMachine.read(bytes, at: afterVersion, path: path)
    let (graph, afterObject) = try PickleMachine.read(bytes, at: afterMachine, path: path)
    let (keys, afterKeys) = try PickleMachine.read(bytes, at: afterObject, path: path)

    let places = try places(keys, expected: storages(graph), from: afterKeys)
    let path = path
    let tensors = TorchTensors(graph: graph, path: path) { (storage) throws(CheckpointError) in
      guard let range = places[storage.key] else {
        throw CheckpointError(.invalidPickle, path, "has no storage '\(storage.key)'")
      }
      return TorchTensors.Place(byteCount: range.count, source: { .stored(offset: range.lowerBound + $0) })
    }
    return try StateDictFinder(tensors).contents(format: .legacyPyTorch, key: key)
  }

  /// All storages that the object refers to, by key.
  private func storages(_ graph: PickleGraph) throws(CheckpointError) -> [String: TorchStorage] {
    var result: [String: TorchStorage] = [:]
    for (index, node) in graph.nodes.enumerated() {
      guard case .persistent = node.kind, case .text("storage")? = graph.elements(node.arguments)?.first else {
        continue
      }
      let storage = try TorchStorage(.node(index), in: graph, path: path)
      if let other = result[storage.key], other.type != storage.type || other.count != storage.count {
        throw CheckpointError(.invalidPickle, path, "its pickle gives storage '\(storage.key)' two types or sizes")
      }
      result[storage.key] = storage
    }
    return result
  }

  /// Where the storages are, which follow in the order of the key list.
  private func places(
    _ keys: PickleGraph, expected: [String: TorchStorage], from start: Int
  ) throws(CheckpointError) -> [String: Range<Int>] {
    guard let list = keys.elements(keys.root) else {
      throw CheckpointError(.invalidPickle, path, "has no list of its storages")
    }
    var reader = ByteReader(bytes, at: start)
    var places: [String: Range<Int>] = [:]
    for value in list {
      guard case .text(let key) = value, let storage = expected[key] else {
        throw CheckpointError(.invalidPickle, path, "lists a storage that nothing refers to")
      }
      guard let count = reader.integer(Int64.self) else { throw truncated(key) }
      guard count == storage.count, let size = storage.byteCount else {
        throw CheckpointError(
          .sizeMismatch, path, "storage '\(key)' has \(count) elements in the file and \(storage.count) in the pickle")
      }
      guard let range = reader.take(size) else { throw truncated(key) }
      guard places.updateValue(range, forKey: key) == nil else {
        throw CheckpointError(.duplicateKey, path, "has two storages '\(key)'")
      }
    }
    guard reader.remaining == 0 else {
      throw CheckpointError(.gap, path, "the last \(reader.remaining) bytes belong to no storage")
    }
    return places
  }

  private func truncated(_ key: String) -> CheckpointError {
    CheckpointError(.truncated, path, "ends within storage '\(key)'", advice: "copy or download it again")
  }
}

import SoupTensors

/// Finds the state dict in what `torch.save` was given, and flattens it.
///
/// The rule, from the outside in:
/// 1. under the first of `state_dict`, `model_state_dict`, `model`, `module`, `net`, `network`, `weights`, `params` that
///    holds tensors, begin again there;
/// 2. a dictionary, list or module that holds tensors itself is the state dict;
/// 3. a dictionary in which only one value, itself a dictionary or module, holds tensors: begin again there;
/// 4. anything else is refused, and the keys that could be named are listed.
///
/// Dictionaries and lists inside the state dict give names with dots, as modules do. Prefixes that wrappers put before
/// every name (`module.`, `_orig_mod.`) are removed.
struct StateDictFinder {
  static let usualKeys = [
    "state_dict", "model_state_dict", "model", "module", "net", "network", "weights", "params",
  ]
  private static let wrapperPrefixes = ["module.", "_orig_mod."]
  private static let maximumDepth = 64
  /// Tensors and other values of one state dict.
  private static let maximumVisits = 2_000_000

  private let graph: PickleGraph
  private let reaches: [Bool]
  private let tensors: TorchTensors
  private let path: String

  init(_ tensors: TorchTensors) {
    self.tensors = tensors
    graph = tensors.graph
    path = tensors.path
    reaches = graph.nodesReachingStorage()
  }

  private enum Object {
    case tensor(PickleGraph.Node)
    case mapping([(key: PickleValue, value: PickleValue)])
    case sequence([PickleValue])
    /// A whole `torch.nn.Module`: its attributes.
    case module([(key: PickleValue, value: PickleValue)])
    /// A plain value in words; nil for `None`.
    case scalar(String?)
    /// An object of a class that means nothing here.
    case opaque(PickleName?)
  }

  /// - Parameter key: keys separated by dots, `.` for everything; nil for the rule above.
  func contents(format: CheckpointFormat, key: String?) throws(CheckpointError) -> CheckpointContents {
    var contents = CheckpointContents(format: format)
    contents.metadata = plainValues(graph.root)
    let start =
      switch key {
      case nil: try find(graph.root)
      case "."?: graph.root
      case let key?: try descend(graph.root, key)
      }
    var visits = 0
    try flatten(start, prefix: "", depth: 0, into: &contents, visits: &visits)
    if case .tensor? = object(start), contents.tensors.isEmpty { throw nothing() }
    guard !contents.tensors.isEmpty else { throw nothing() }
    stripPrefixes(&contents)
    return contents
  }

  // MARK: finding

  private func find(_ root: PickleValue) throws(CheckpointError) -> PickleValue {
    var value = root
    for _ in 0..<Self.maximumDepth {
      guard case .mapping(let items)? = object(value) else {
        guard reachesStorage(value) else { throw nothing() }
        return value
      }
      let holders = items.filter { reachesStorage($0.value) }
      if let usual = Self.usualKeys.lazy.compactMap({ key in
        holders.last { text($0.key) == key && isContainer($0.value) }
      }).first {
        value = usual.value
      } else if holders.contains(where: { !isContainer($0.value) }) {
        return value
      } else if holders.count == 1 {
        // The name before a list's numbers is worth keeping.
        if case .sequence? = object(holders[0].value) { return value }
        value = holders[0].value
      } else if holders.isEmpty {
        throw nothing()
      } else {
        // Modules beside each other, such as an encoder and a decoder, or the state of a training.
        let keys = holders.compactMap { text($0.key) }
        throw CheckpointError(
          .noStateDict, path, "has tensors under several keys: \(keys.prefix(20).joined(separator: ", "))",
          advice: "name the one to read: '\(path)::\(keys.first ?? "key")'; '::.' reads all")
      }
    }
    throw CheckpointError(.tooComplex, path, "its objects are nested deeper than \(Self.maximumDepth) levels")
  }

  /// Follows keys; a key that has dots itself is tried first.
  private func descend(_ root: PickleValue, _ key: String) throws(CheckpointError) -> PickleValue {
    var value = root
    var rest = key[...]
    var depth = 0
    while !rest.isEmpty {
      guard depth < Self.maximumDepth, case .mapping(let items)? = object(value) else { throw noKey(key, at: value) }
      depth += 1
      let match = items.compactMap { item in text(item.key).map { (key: $0, value: item.value) } }
        .filter { rest == $0.key[...] || (rest.hasPrefix($0.key + ".") && !$0.key.isEmpty) }
        .max { $0.key.utf8.count < $1.key.utf8.count }
      guard let match else { throw noKey(key, at: value) }
      value = match.value
      rest = rest.dropFirst(match.key.count).drop { $0 == "." }
    }
    return value
  }

  private func noKey(_ key: String, at value: PickleValue) -> CheckpointError {
    var keys: [String] = []
    if case .mapping(let items)? = object(value) {
      keys = items.filter { reachesStorage($0.value) }.compactMap { text($0.key) }
    }
    return CheckpointError(
      .noSuchKey, path, "has nothing under the key '\(key)'",
      advice: keys.isEmpty ? "" : "keys with tensors are \(keys.prefix(20).joined(separator: ", "))")
  }

  private func nothing() -> CheckpointError {
    CheckpointError(.noStateDict, path, "has no tensors", advice: "save model.state_dict()")
  }

  // MARK: flattening

  private func flatten(
    _ value: PickleValue, prefix: String, depth: Int, into contents: inout CheckpointContents, visits: inout Int
  ) throws(CheckpointError) {
    visits += 1
    guard depth < Self.maximumDepth, visits < Self.maximumVisits else {
      throw CheckpointError(.tooComplex, path, "its state dict is nested too deep, or refers to itself")
    }
    let name = prefix.isEmpty ? "tensor" : prefix
    guard let object = object(value) else { throw tensors.unknown(nil, name) }
    switch object {
    case .tensor(let node):
      contents.tensors.append(try tensors.tensor(node, name: name))
    case .mapping(let items):
      for (key, item) in items {
        guard let key = text(key) else {
          if reachesStorage(item) { throw tensors.unknown(nil, name) }
          continue
        }
        try member(item, key, prefix, depth, &contents, &visits)
      }
    case .sequence(let elements):
      for (index, element) in elements.enumerated() {
        try member(element, String(index), prefix, depth, &contents, &visits)
      }
    case .module(let attributes):
      let hidden = hiddenBuffers(attributes)
      for kind in ["_parameters", "_buffers", "_modules"] {
        guard let value = attributes.last(where: { text($0.key) == kind })?.value,
          case .mapping(let items)? = self.object(value)
        else { continue }
        for (key, item) in items {
          guard let key = text(key), kind != "_buffers" || !hidden.contains(key) else { continue }
          try member(item, key, prefix, depth, &contents, &visits)
        }
      }
    case .scalar(let words):
      if words != nil, !prefix.isEmpty { contents.notes.append("'\(prefix)' is not a tensor; passed over") }
    case .opaque(let type):
      guard !reachesStorage(value) else { throw tensors.unknown(type, name) }
      contents.notes.append("'\(name)' is an object of '\(type.map(\.description) ?? "?")'; passed over")
    }
  }

  private func member(
    _ value: PickleValue, _ key: String, _ prefix: String, _ depth: Int, _ contents: inout CheckpointContents,
    _ visits: inout Int
  ) throws(CheckpointError) {
    let name = prefix.isEmpty ? key : prefix + "." + key
    guard name.utf8.count <= 4096 else {
      throw CheckpointError(.tooComplex, path, "a tensor's name has more than 4096 bytes")
    }
    // Whatever holds no tensor is passed over as a whole, however large it is.
    if isContainer(value), !reachesStorage(value) { return }
    try flatten(value, prefix: name, depth: depth + 1, into: &contents, visits: &visits)
  }

  private func stripPrefixes(_ contents: inout CheckpointContents) {
    while let prefix = Self.wrapperPrefixes.first(where: { prefix in
      contents.tensors.allSatisfy { $0.name.hasPrefix(prefix) && $0.name != prefix }
    }) {
      contents.tensors = contents.tensors.map {
        .init(name: String($0.name.dropFirst(prefix.count)), dtype: $0.dtype, shape: $0.shape, source: $0.source)
      }
      contents.notes.append("'\(prefix)' was removed from the beginning of every name")
    }
  }

  // MARK: what a value is

  private func object(_ value: PickleValue) -> Object? {
    switch value {
    case .none: return .scalar(nil)
    case .bool(let value): return .scalar(value ? "True" : "False")
    case .integer(let value): return .scalar(String(value))
    case .float(let value): return .scalar("\(value)")
    case .text(let value): return .scalar(value)
    case .large, .bytes: return .opaque(PickleName(module: "builtins", name: "bytes"))
    case .node: break
    }
    guard let node = graph[value] else { return nil }
    switch node.kind {
    case .tuple, .list: return .sequence(node.elements)
    case .dictionary: return .mapping(node.items)
    case .set: return .opaque(PickleName(module: "builtins", name: "set"))
    case .global(let index): return .opaque(graph.globals[index])
    case .persistent: return .opaque(PickleName(module: "torch", name: "Storage"))
    case .call:
      if tensors.isTensor(node) { return .tensor(node) }
      let name = graph.callee(node)
      if let name, Self.dictionaries.contains(name.description) { return .mapping(initialItems(node) + node.items) }
      if let state = node.state, case .dictionary? = graph[state]?.kind, let items = graph[state]?.items,
        ["_parameters", "_modules"].allSatisfy({ key in items.contains { text($0.key) == key } })
      {
        return .module(items)
      }
      return .opaque(name)
    }
  }

  private static let dictionaries: Set<String> = [
    "collections.OrderedDict", "collections.defaultdict", "collections.Counter", "builtins.dict", "__builtin__.dict",
  ]

  /// Python 2 wrote ordered dictionaries as a call with a list of pairs.
  private func initialItems(_ node: PickleGraph.Node) -> [(key: PickleValue, value: PickleValue)] {
    guard let list = graph.elements(node.arguments)?.first, let pairs = graph.elements(list) else { return [] }
    return pairs.compactMap { pair in
      guard let parts = graph.elements(pair), parts.count == 2 else { return nil }
      return (parts[0], parts[1])
    }
  }

  private func hiddenBuffers(_ attributes: [(key: PickleValue, value: PickleValue)]) -> Set<String> {
    guard let value = attributes.last(where: { text($0.key) == "_non_persistent_buffers_set" })?.value,
      let node = graph[value]
    else { return [] }
    // A set literal, or the call of `set` with a list.
    let list = graph.elements(node.arguments)?.first.flatMap { graph.elements($0) } ?? []
    return Set((node.elements + list).compactMap { text($0) })
  }

  private func isContainer(_ value: PickleValue) -> Bool {
    switch object(value) {
    case .mapping, .sequence, .module: true
    default: false
    }
  }

  private func reachesStorage(_ value: PickleValue) -> Bool {
    if case .node(let index) = value { return reaches[index] }
    return false
  }

  private func text(_ value: PickleValue) -> String? {
    switch value {
    case .text(let text): text
    case .integer(let number): String(number)
    default: nil
    }
  }

  /// Numbers and short strings beside the state dict: the epoch, the architecture.
  private func plainValues(_ root: PickleValue) -> [String: String] {
    guard case .mapping(let items)? = object(root) else { return [:] }
    var result: [String: String] = [:]
    for (key, value) in items {
      guard let key = text(key), !key.isEmpty, key.utf8.count <= 100, case .scalar(let words?)? = object(value),
        words.utf8.count <= 1000, result.count < 100
      else { continue }
      result[key] = words
    }
    return result
  }
}

/// A value that a pickle describes. Compound values are nodes of a `PickleGraph`, by number, so that cycles and deep
/// nesting cost neither leaks nor stack.
enum PickleValue {
  case none
  case bool(Bool)
  case integer(Int)
  /// An integer beyond 64 bits; its little-endian bytes in the pickle.
  case large(Range<Int>)
  case float(Double)
  case text(String)
  /// Where the bytes of a byte string are in the pickle.
  case bytes(Range<Int>)
  case node(Int)
}

/// What a pickle describes, as data: calls that it asks for are recorded, none is made.
struct PickleGraph {
  enum Kind {
    case tuple
    case list
    case set
    case dictionary
    /// A name of a module, by number.
    case global(Int)
    /// The result of calling the value of node `callee` with `arguments`.
    case call(callee: Int)
    /// What the file's reader knows under the identifier in `arguments`: for PyTorch, mostly a storage.
    case persistent
  }

  struct Node {
    var kind: Kind
    /// Members of a tuple, list or set; of a call, what was appended to its result.
    var elements: [PickleValue] = []
    /// Members of a dictionary; of a call, what was put into its result.
    var items: [(key: PickleValue, value: PickleValue)] = []
    var arguments = PickleValue.none
    /// The state that a call's result was given.
    var state: PickleValue?
  }

  var nodes: [Node] = []
  var globals: [PickleName] = []
  var root = PickleValue.none

  subscript(value: PickleValue) -> Node? {
    if case .node(let index) = value { return nodes[index] }
    return nil
  }

  /// The name that a value stands for, if it is one of a module's.
  func name(_ value: PickleValue) -> PickleName? {
    if case .global(let index)? = self[value]?.kind { return globals[index] }
    return nil
  }

  /// The name of what a call calls.
  func callee(_ node: Node) -> PickleName? {
    if case .call(let callee) = node.kind { return name(.node(callee)) }
    return nil
  }

  /// Members of a tuple or list.
  func elements(_ value: PickleValue) -> [PickleValue]? {
    guard let node = self[value] else { return nil }
    switch node.kind {
    case .tuple, .list: return node.elements
    default: return nil
    }
  }

  /// Which nodes lead to a tensor's storage: to a persistent value that says so.
  ///
  /// Found backwards from the storages, once per edge: forwards, values that occur in several places would be visited
  /// again and again.
  func nodesReachingStorage() -> [Bool] {
    var counts = Array(repeating: 0, count: nodes.count + 1)
    for index in nodes.indices { forEachChild(index) { counts[$0 + 1] += 1 } }
    for index in 1..<counts.count { counts[index] += counts[index - 1] }
    var next = counts
    var parents = Array(repeating: 0, count: counts[nodes.count])
    for index in nodes.indices {
      forEachChild(index) { child in
        parents[next[child]] = index
        next[child] += 1
      }
    }
    var reaches = Array(repeating: false, count: nodes.count)
    var queue: [Int] = []
    for (index, node) in nodes.enumerated() {
      if case .persistent = node.kind, case .text("storage")? = elements(node.arguments)?.first {
        reaches[index] = true
        queue.append(index)
      }
    }
    while let index = queue.popLast() {
      for parent in parents[counts[index]..<counts[index + 1]] where !reaches[parent] {
        reaches[parent] = true
        queue.append(parent)
      }
    }
    return reaches
  }

  private func forEachChild(_ index: Int, _ body: (Int) -> Void) {
    func visit(_ value: PickleValue) { if case .node(let child) = value { body(child) } }
    let node = nodes[index]
    node.elements.forEach(visit)
    for item in node.items {
      visit(item.key)
      visit(item.value)
    }
    visit(node.arguments)
    if let state = node.state { visit(state) }
  }
}

/// A function or class, as a pickle names it.
struct PickleName: Hashable, CustomStringConvertible {
  let module: String
  let name: String

  var description: String { module + "." + name }

  /// Whether naming it shows that the file was made to take over the program that loads it.
  ///
  /// Nothing is ever called here, so this list protects the user's other programs: a file that holds such a name was
  /// not written by `torch.save` of a model, and `torch.load(weights_only=False)` would run it.
  var isHostile: Bool {
    let root = module.split(separator: ".").first.map(String.init) ?? module
    if ["builtins", "__builtin__", "__builtins__"].contains(module) {
      // `print` and the like are not dangerous, but no model needs them either.
      return !Self.harmlessBuiltins.contains(name)
    }
    return Self.hostileModules.contains(root) || Self.hostileNames.contains(description)
      || ["torch.hub", "torch.package", "torch.utils.cpp_extension"].contains {
        module == $0 || module.hasPrefix($0 + ".")
      }
  }

  private static let harmlessBuiltins: Set<String> = [
    "set", "frozenset", "dict", "list", "tuple", "object", "bytearray", "bytes", "complex", "int", "float", "bool",
    "str", "slice", "range", "unicode", "long", "NoneType",
  ]

  private static let hostileNames: Set<String> = [
    "torch.load", "torch.serialization.load", "numpy.load", "numpy.testing._private.utils.runstring", "io.open",
    "_io.open", "_io.FileIO", "io.FileIO", "types.CodeType", "types.FunctionType", "operator.attrgetter",
    "operator.methodcaller",
  ]

  private static let hostileModules: Set<String> = [
    "os", "posix", "nt", "sys", "subprocess", "commands", "popen2", "shutil", "socket", "ssl", "pty", "runpy",
    "importlib", "imp", "pkgutil", "ctypes", "_ctypes", "cffi", "pickle", "_pickle", "cPickle", "dill", "cloudpickle",
    "joblib", "marshal", "shelve", "code", "codeop", "webbrowser", "asyncio", "multiprocessing", "_thread", "pip",
    "setuptools", "distutils", "venv", "timeit", "trace", "bdb", "pdb", "doctest", "cProfile", "profile", "tempfile",
    "glob", "fileinput", "urllib", "urllib2", "requests", "http", "httplib", "ftplib", "smtplib", "telnetlib", "xmlrpc",
    "signal", "linecache", "zipimport", "idlelib", "pydoc", "tkinter", "sqlite3", "cgi",
  ]
}

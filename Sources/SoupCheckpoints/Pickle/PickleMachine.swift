/// Reads a pickle as data: which objects it describes, never making or calling any.
///
/// Python's pickle is a small stack language whose instructions can name any function and have it called. Here such
/// instructions build a node that says what would be called; whoever reads the graph knows the few that make tensors
/// (`TorchObjects`). Every instruction takes at least one byte and pushes at most one value, and the number of values
/// is bounded, so that no file makes this slow or large.
///
/// - Source: CPython, `pickletools.py`, protocols 0 to 5.
struct PickleMachine {
  /// Values, marks and memo entries; the pickles of large models have some 10,000.
  static let maximumValues = 4_000_000

  private let path: String
  private var reader: ByteReader
  private var graph = PickleGraph()
  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  private var globalNodes: [PickleName: Int] = [:]

  /// Reads the one pickle that begins at `position`.
  /// - Returns: what it describes, and where it ends.
  static func read(
    _ bytes: UnsafeRawBufferPointer, at position: Int = 0, path: String
  ) throws(CheckpointError) -> (graph: PickleGraph, end: Int) {
    var machine = PickleMachine(reader: ByteReader(bytes, at: position), path: path)
    try machine.run()
    return (machine.graph, machine.reader.position)
  }

  private init(reader: ByteReader, path: String) {
    self.reader = reader
    self.path = path
  }

  private mutating func run() throws(CheckpointError) {
    while true {
      guard let code = reader.integer(UInt8.self) else { throw damaged("ends without a STOP instruction") }
      if code == UInt8(ascii: ".") {
        graph.root = try pop()
        return
      }
      try step(code)
      guard stack.count + graph.nodes.count + memo.count + marks.count <= Self.maximumValues else {
        throw CheckpointError(
          .tooComplex, path, "its pickle describes more than \(Self.maximumValues) values",
          advice: "save the state dict alone, without the rest of the training state")
      }
    }
  }

  /// One instruction: numbers and strings here, the others below.
  private mutating func step(_ code: UInt8) throws(CheckpointError) {
    switch Unicode.Scalar(code) {
    case "\u{80}":  // PROTO
      guard let version = reader.integer(UInt8.self), version <= 5 else { throw damaged("has an unknown protocol") }
    case "\u{95}":  // FRAME
      guard let length = reader.count(UInt64.self), length <= reader.remaining else {
        throw damaged("has a frame that ends beyond it")
      }
    case "N": stack.append(.none)
    case "\u{88}": stack.append(.bool(true))
    case "\u{89}": stack.append(.bool(false))
    case "J": stack.append(.integer(Int(try number(Int32.self))))
    case "K": stack.append(.integer(Int(try number(UInt8.self))))
    case "M": stack.append(.integer(Int(try number(UInt16.self))))
    case "\u{8a}": try pushLong(Int(try number(UInt8.self)))
    case "\u{8b}": try pushLong(Int(try number(Int32.self)))
    case "I", "L": try pushDecimal(code)
    case "G": stack.append(.float(Double(bitPattern: try number(UInt64.self).byteSwapped)))
    case "F":
      guard let value = Double(try line()) else { throw damaged("has a number that is none") }
      stack.append(.float(value))
    case "X": try pushText(count(UInt32.self))
    case "\u{8c}": try pushText(count(UInt8.self))
    case "\u{8d}": try pushText(count(UInt64.self))
    case "V": stack.append(.text(try line()))
    // Strings of Python 2: names are ASCII, anything else stays bytes.
    case "U": try pushBytes(count(UInt8.self), asText: true)
    case "T": try pushBytes(count(Int32.self), asText: true)
    case "S": stack.append(.text(try quoted()))
    case "B": try pushBytes(count(UInt32.self))
    case "C": try pushBytes(count(UInt8.self))
    case "\u{8e}", "\u{96}": try pushBytes(count(UInt64.self))
    case "(": marks.append(stack.count)
    case "0": if marks.last == stack.count { marks.removeLast() } else { _ = try pop() }
    case "1": _ = try popToMark()
    case "2": stack.append(try top())
    case ")": push(.init(kind: .tuple))
    case "t": push(.init(kind: .tuple, elements: try popToMark()))
    case "\u{85}": push(.init(kind: .tuple, elements: try pop(1)))
    case "\u{86}": push(.init(kind: .tuple, elements: try pop(2)))
    case "\u{87}": push(.init(kind: .tuple, elements: try pop(3)))
    case "]": push(.init(kind: .list))
    case "l": push(.init(kind: .list, elements: try popToMark()))
    case "}": push(.init(kind: .dictionary))
    case "d": push(.init(kind: .dictionary, items: try pairs(try popToMark())))
    case "\u{8f}": push(.init(kind: .set))
    case "\u{91}": push(.init(kind: .set, elements: try popToMark()))
    case "a": try extend(try pop(1))
    case "e", "\u{90}": try extend(try popToMark())
    case "s": try insert(try pop(2))
    case "u": try insert(try popToMark())
    case "q": memo[Int(try number(UInt8.self))] = try top()
    case "r": memo[Int(try number(UInt32.self))] = try top()
    case "p": memo[try index(try line())] = try top()
    case "\u{94}": memo[memo.count] = try top()
    case "h": try recall(Int(try number(UInt8.self)))
    case "j": try recall(Int(try number(UInt32.self)))
    case "g": try recall(try index(try line()))
    default: try call(code)
    }
  }

  /// Instructions that name or call something.
  private mutating func call(_ code: UInt8) throws(CheckpointError) {
    switch Unicode.Scalar(code) {
    case "c": try pushGlobal(module: try line(), name: try line())
    case "\u{93}":
      let parts = try pop(2)
      guard case .text(let module) = parts[0], case .text(let name) = parts[1] else {
        throw damaged("names a function by something that is not text")
      }
      try pushGlobal(module: module, name: name)
    case "Q": push(.init(kind: .persistent, arguments: try pop()))
    case "P": push(.init(kind: .persistent, arguments: .text(try line())))
    case "R", "\u{81}":
      let parts = try pop(2)
      try pushCall(parts[0], arguments: parts[1])
    case "\u{92}":
      let parts = try pop(3)
      try pushCall(parts[0], arguments: parts[1], items: parts[2])
    case "i":
      let (module, name) = (try line(), try line())
      let arguments = append(.init(kind: .tuple, elements: try popToMark()))
      try pushGlobal(module: module, name: name)
      try pushCall(try pop(), arguments: arguments)
    case "o":
      let parts = try popToMark()
      guard let callee = parts.first else { throw damaged("calls nothing") }
      try pushCall(callee, arguments: append(.init(kind: .tuple, elements: Array(parts.dropFirst()))))
    case "b":
      let state = try pop()
      guard case .node(let index) = try top() else { throw damaged("gives a state to a plain value") }
      graph.nodes[index].state = state
    case "\u{82}", "\u{83}", "\u{84}":
      throw CheckpointError(
        .unsafePickle, path, "its pickle calls a function by a number of the program that wrote it",
        advice: "save the state dict with torch.save")
    default:
      throw damaged("has an unknown instruction 0x\(String(code, radix: 16))")
    }
  }

  // MARK: stack

  private mutating func pop() throws(CheckpointError) -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.popLast() else { throw damaged("takes more than it has") }
    return value
  }

  private mutating func pop(_ count: Int) throws(CheckpointError) -> [PickleValue] {
    guard stack.count - (marks.last ?? 0) >= count else { throw damaged("takes more than it has") }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private func top() throws(CheckpointError) -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.last else { throw damaged("takes more than it has") }
    return value
  }

  private mutating func popToMark() throws(CheckpointError) -> [PickleValue] {
    guard let mark = marks.popLast(), mark <= stack.count else { throw damaged("closes what it did not open") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  @discardableResult
  private mutating func append(_ node: PickleGraph.Node) -> PickleValue {
    graph.nodes.append(node)
    return .node(graph.nodes.count - 1)
  }

  private mutating func push(_ node: PickleGraph.Node) { stack.append(append(node)) }

  private mutating func recall(_ index: Int) throws(CheckpointError) {
    guard let value = memo[index] else { throw damaged("refers to a value that it has not described") }
    stack.append(value)
  }

  // MARK: compound values

  private func pairs(_ values: [PickleValue]) throws(CheckpointError) -> [(key: PickleValue, value: PickleValue)] {
    guard values.count % 2 == 0 else { throw damaged("has a key without a value") }
    return stride(from: 0, to: values.count, by: 2).map { (values[$0], values[$0 + 1]) }
  }

  private mutating func extend(_ values: [PickleValue]) throws(CheckpointError) {
    guard case .node(let index) = try top() else { throw damaged("appends to what is not a list") }
    switch graph.nodes[index].kind {
    case .list, .set, .call: graph.nodes[index].elements += values
    default: throw damaged("appends to what is not a list")
    }
  }

  private mutating func insert(_ values: [PickleValue]) throws(CheckpointError) {
    let pairs = try pairs(values)
    guard case .node(let index) = try top() else { throw damaged("puts a key into what is not a dictionary") }
    switch graph.nodes[index].kind {
    case .dictionary, .call: graph.nodes[index].items += pairs
    default: throw damaged("puts a key into what is not a dictionary")
    }
  }

  private mutating func pushGlobal(module: String, name: String) throws(CheckpointError) {
    let global = PickleName(module: module, name: name)
    guard !global.isHostile else {
      throw CheckpointError(
        .unsafePickle, path, "its pickle asks to call '\(global)'; nothing was called",
        advice: "it was made to take over the program that loads it: delete it")
    }
    if let index = globalNodes[global] {
      stack.append(.node(index))
      return
    }
    graph.globals.append(global)
    push(.init(kind: .global(graph.globals.count - 1)))
    globalNodes[global] = graph.nodes.count - 1
  }

  private mutating func pushCall(
    _ callee: PickleValue, arguments: PickleValue, items: PickleValue? = nil
  ) throws(CheckpointError) {
    guard case .node(let index) = callee, case .node = arguments else { throw damaged("calls what is not a function") }
    push(.init(kind: .call(callee: index), items: graph[items ?? .none]?.items ?? [], arguments: arguments))
  }

  // MARK: plain values

  private mutating func number<Word: FixedWidthInteger & BitwiseCopyable>(
    _ type: Word.Type
  ) throws(CheckpointError) -> Word {
    guard let value = reader.integer(type) else { throw damaged("ends within an instruction") }
    return value
  }

  private mutating func count<Word: FixedWidthInteger & BitwiseCopyable>(
    _ type: Word.Type
  ) throws(CheckpointError) -> Int {
    guard let count = Int(exactly: try number(type)), count >= 0 else { throw damaged("has a string of no length") }
    return count
  }

  private mutating func pushText(_ count: Int) throws(CheckpointError) {
    guard let range = reader.take(count) else { throw damaged("ends within a string") }
    stack.append(.text(try text(range)))
  }

  private mutating func pushBytes(_ count: Int, asText: Bool = false) throws(CheckpointError) {
    guard let range = reader.take(count) else { throw damaged("ends within a string") }
    if asText, let text = String(validating: reader.bytes[range], as: UTF8.self) {
      stack.append(.text(text))
    } else {
      stack.append(.bytes(range))
    }
  }

  private mutating func pushLong(_ count: Int) throws(CheckpointError) {
    guard let range = reader.take(count) else { throw damaged("ends within a number") }
    guard count <= 8 else {
      stack.append(.large(range))
      return
    }
    var value: UInt64 = 0
    for byte in reader.bytes[range].reversed() { value = value << 8 | UInt64(byte) }
    let spare = 64 - count * 8
    stack.append(.integer(count == 0 ? 0 : Int((Int64(bitPattern: value) << spare) >> spare)))
  }

  /// `I01` and `I00` are the booleans of protocol 0.
  private mutating func pushDecimal(_ code: UInt8) throws(CheckpointError) {
    var digits = try line()
    if code == UInt8(ascii: "I"), digits == "00" || digits == "01" {
      stack.append(.bool(digits == "01"))
      return
    }
    if digits.hasSuffix("L") { digits.removeLast() }
    guard let value = Int(digits) else { throw damaged("has a number that is none, or beyond 64 bits") }
    stack.append(.integer(value))
  }

  /// A string of protocol 0, in quotes; the escapes of Python are not needed for any name PyTorch writes.
  private mutating func quoted() throws(CheckpointError) -> String {
    let text = try line()
    guard text.utf8.count >= 2, let quote = text.first, quote == "'" || quote == "\"", text.last == quote,
      !text.contains("\\")
    else { throw damaged("has a string without quotes, or with escapes") }
    return String(text.dropFirst().dropLast())
  }

  private func index(_ text: String) throws(CheckpointError) -> Int {
    guard let index = Int(text), index >= 0 else { throw damaged("has a memo number that is none") }
    return index
  }

  private mutating func line() throws(CheckpointError) -> String {
    guard let range = reader.line() else { throw damaged("ends within a line") }
    return try text(range)
  }

  private func text(_ range: Range<Int>) throws(CheckpointError) -> String {
    guard let text = String(validating: reader.bytes[range], as: UTF8.self) else {
      throw CheckpointError(.invalidUTF8, path, "a string in its pickle is not valid UTF-8")
    }
    return text
  }

  private func damaged(_ what: String) -> CheckpointError {
    CheckpointError(
      .invalidPickle, path, "its pickle \(what) (at byte \(reader.position))", advice: "copy or download it again")
  }
}

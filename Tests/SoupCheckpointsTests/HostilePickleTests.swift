import Foundation
import SoupCheckpoints
import SoupTensors
import Testing

/// Pickles from strangers. Nothing in them is ever called; what they ask for decides which name the refusal gives.
@Suite struct HostilePickleTests {
  @Test func acceptsAnHonestFile() throws {
    let checkpoint = try open(PickleBuilder.archive { $0.tensor(count: 4, shape: [2, 2], strides: [2, 1]) })
    #expect(checkpoint.entries.map(\.name) == ["x"])
    #expect(try checkpoint.tensor("x").floats() == [0, 0, 0, 0])
  }

  // MARK: calls

  @Test(arguments: [
    ("os", "system"), ("posix", "system"), ("nt", "system"), ("subprocess", "Popen"), ("builtins", "eval"),
    ("builtins", "exec"), ("__builtin__", "eval"), ("builtins", "getattr"), ("builtins", "__import__"), ("sys", "exit"),
    ("runpy", "run_path"), ("shutil", "rmtree"), ("pickle", "loads"), ("torch", "load"), ("torch.hub", "load"),
    ("webbrowser", "open"), ("importlib", "import_module"), ("socket", "socket"), ("pip", "main"), ("os.path", "join"),
    ("operator", "attrgetter"), ("types", "CodeType"), ("ctypes", "CDLL"), ("asyncio.base_events", "run"),
  ])
  func refusesToNameWhatTakesOver(module: String, name: String) throws {
    // As the whole file, beside a good state dict, and with each instruction that can name or call.
    let calls: [(inout PickleBuilder) -> Void] = [
      {
        $0 += "c\(module)\n\(name)\n("
        $0.text("echo pwned")
        $0 += "tR"
      },
      {
        $0 += "("
        $0.text("echo pwned")
        $0 += "i\(module)\n\(name)\n"
      },
      {
        $0 += "(c\(module)\n\(name)\n"
        $0.text("echo pwned")
        $0 += "o"
      },
      {
        $0 += "c\(module)\n\(name)\n)"
        $0.raw([0x81])
      },
      {
        $0.text(module)
        $0.text(name)
        $0.raw([0x93])
        $0 += ")R"
      },
      { $0 += "c\(module)\n\(name)\n" },
    ]
    for call in calls {
      for isAlone in [true, false] {
        var pickle = PickleBuilder()
        if isAlone {
          call(&pickle)
        } else {
          pickle += "}"
          pickle.text("x")
          pickle.tensor(count: 4, shape: [4], strides: [1])
          pickle += "s"
          pickle.text("y")
          call(&pickle)
          pickle += "s"
        }
        pickle += "."
        let error = #expect(throws: CheckpointError.self) { try open(PickleBuilder.archive(pickle: pickle.bytes)) }
        #expect(error?.code == .unsafePickle)
        #expect(error?.description.contains("'\(module).\(name)'") == true, "\(error?.description ?? "")")
      }
    }
  }

  @Test func refusesATensorThatPassesThroughAnUnknownFunction() {
    let error = #expect(throws: CheckpointError.self) {
      try open(
        PickleBuilder.archive {
          $0 += "csomebody\ntransform\n"
          $0.tensor(count: 4, shape: [4], strides: [1])
          $0.raw([0x85])
          $0 += "R"
        })
    }
    #expect(error?.code == .unsafePickle)
    #expect(error?.description.contains("'somebody.transform'") == true)
  }

  @Test func refusesASubclassOfTensors() {
    let error = #expect(throws: CheckpointError.self) {
      try open(
        PickleBuilder.archive {
          $0 += "ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\ncsome.where\nMyTensor\n"
          $0 += ")"
          $0.tensor(count: 4, shape: [4], strides: [1])
          $0 += "tR"
        })
    }
    #expect(error?.description.contains("'some.where.MyTensor'") == true)
  }

  @Test func passesOverObjectsThatNoTensorPassesThrough() throws {
    var pickle = PickleBuilder()
    pickle += "}"
    pickle.text("config")
    pickle += "csomebody\nConfig\n)R}"
    pickle.text("lr")
    pickle += "K\u{1}sbs"
    pickle.text("x")
    pickle.tensor(count: 4, shape: [4], strides: [1])
    pickle += "s."
    let checkpoint = try open(PickleBuilder.archive(pickle: pickle.bytes))
    #expect(checkpoint.entries.map(\.name) == ["x"])
    #expect(checkpoint.notes == ["'config' is an object of 'somebody.Config'; passed over"])
  }

  @Test(arguments: [0x82, 0x83, 0x84] as [UInt8]) func refusesCallsByNumber(instruction: UInt8) {
    #expect(code { try open(PickleBuilder.archive { $0.raw([instruction, 1, 0, 0, 0]) }) } == .unsafePickle)
  }

  // MARK: what does not end

  @Test func refusesAStateDictThatHoldsItself() {
    // {'x': tensor, 'self': the same dictionary}
    var pickle = PickleBuilder()
    pickle += "}q\u{0}"
    pickle.text("x")
    pickle.tensor(count: 4, shape: [4], strides: [1])
    pickle += "s"
    pickle.text("self")
    pickle += "h\u{0}s."
    #expect(code { try open(PickleBuilder.archive(pickle: pickle.bytes)) } == .tooComplex)
  }

  @Test func refusesAParameterOfItself() {
    var pickle = PickleBuilder()
    pickle += "}"
    pickle.text("x")
    // A list that holds the parameter which was made of it.
    pickle += "ctorch._utils\n_rebuild_parameter\n]q\u{0}Rq\u{1}0h\u{0}h\u{1}a0h\u{1}s."
    #expect(code { try open(PickleBuilder.archive(pickle: pickle.bytes)) } == .noStateDict)
    pickle = PickleBuilder()
    pickle += "}"
    pickle.text("x")
    pickle += "ctorch._utils\n_rebuild_parameter\n]q\u{0}Rq\u{1}0h\u{0}h\u{1}a"
    pickle.tensor(count: 4, shape: [4], strides: [1])
    pickle += "a0h\u{1}s."
    #expect(code { try open(PickleBuilder.archive(pickle: pickle.bytes)) } == .invalidPickle)
  }

  @Test func refusesDoublingWithoutDoublingTheWork() {
    // 60 dictionaries, each holding the one before it twice: 2^60 names for one tensor.
    var pickle = PickleBuilder()
    pickle.tensor(count: 4, shape: [4], strides: [1])
    for _ in 0..<60 {
      pickle += "q\u{0}0}"
      for key in ["a", "b"] {
        pickle.text(key)
        pickle += "h\u{0}s"
      }
    }
    pickle += "."
    // Whoever followed every name would not come back: 2^60 steps are decades.
    #expect(code { try open(PickleBuilder.archive(pickle: pickle.bytes), key: ".") } == .tooComplex)
  }

  @Test func nestingCostsNoStack() {
    let depth = 1_000_000
    var pickle = PickleBuilder()
    pickle.raw(Array(repeating: UInt8(ascii: "]"), count: depth))
    pickle.raw(Array(repeating: UInt8(ascii: "a"), count: depth - 1))
    pickle += "."
    #expect(code { try open(PickleBuilder.archive(pickle: pickle.bytes)) } == .noStateDict)
    pickle = PickleBuilder()
    pickle.raw(Array(repeating: UInt8(ascii: "("), count: depth))
    pickle.tensor(count: 4, shape: [4], strides: [1])
    pickle.raw(Array(repeating: UInt8(ascii: "t"), count: depth))
    pickle += "."
    #expect(code { try open(PickleBuilder.archive(pickle: pickle.bytes)) } == .tooComplex)
  }

  @Test func refusesMoreValuesThanAnyModelHas() {
    var pickle = PickleBuilder()
    pickle.raw(Array(repeating: UInt8(ascii: ")"), count: 4_100_000))
    pickle += "."
    #expect(code { try open(PickleBuilder.archive(pickle: pickle.bytes)) } == .tooComplex)
  }

  // MARK: damage

  @Test(arguments: [
    "", "N", ".", "0.", "t.", "a.", "Na.", "]Nu.", "(Nd.", "}Ns.", "h\u{5}.", "NNR.", "]\u{1}b.", "X\u{5}", "K",
    "J\u{1}",
    "S'a\n.", "I1x\n.", "L99999999999999999999999\n.", "Fx\n.", "cos", "\u{1f}.", "g-1\n.", "((t0e.", "Nb.", "Q.",
  ])
  func refusesWhatIsNotAPickle(instructions: String) {
    var pickle = PickleBuilder()
    pickle += instructions
    #expect(code { try open(PickleBuilder.archive(pickle: pickle.bytes)) } == .invalidPickle)
  }

  @Test func refusesStringsThatEndBeyondTheFile() {
    let beyond: [UInt8] = Array(repeating: 0xFF, count: 8)
    for length in [[0x58] + beyond[..<4], [0x8B] + beyond[..<4], [0x8D] + beyond] {
      #expect(code { try open(PickleBuilder.archive(pickle: [0x80, 4] + length)) } == .invalidPickle)
    }
  }

  @Test func refusesTextThatIsNotUTF8() {
    let pickle: [UInt8] = [0x80, 2, 0x58, 2, 0, 0, 0, 0xFF, 0xFE, 0x2E]
    #expect(code { try open(PickleBuilder.archive(pickle: pickle)) } == .invalidUTF8)
  }

  // MARK: tensors that lie

  @Test(arguments: [
    ([5], [1], 0), ([4], [1], 1), ([2, 2], [3, 1], 0), ([2], [Int.max], 0), ([4], [1], Int.max), ([1], [1], 4),
    ([Int.max], [1], 0),
  ])
  func refusesTensorsBeyondTheirStorage(shape: [Int], strides: [Int], offset: Int) {
    let file = PickleBuilder.archive { $0.tensor(count: 4, offset: offset, shape: shape, strides: strides) }
    #expect([.offsetsOutOfRange, .sizeMismatch].contains(code { try open(file) }))
  }

  @Test(arguments: [([-1], [1]), ([4], [-1]), ([4], [1, 1]), ([-1, -4], [1, 1])])
  func refusesShapesThatAreNone(shape: [Int], strides: [Int]) {
    let file = PickleBuilder.archive { $0.tensor(count: 4, shape: shape, strides: strides) }
    #expect(code { try open(file) } == .invalidPickle)
  }

  @Test func refusesShapesWhoseSizeOverflows() {
    for shape in [[1 << 62, 4], [1 << 32, 1 << 32], [Int.max, Int.max]] {
      let file = PickleBuilder.archive { $0.tensor(count: 4, shape: shape, strides: [0, 0]) }
      #expect(code { try open(file) } == .sizeMismatch)
    }
  }

  @Test func refusesATensorThatRepeatsItselfIntoMemory() {
    let file = PickleBuilder.archive { $0.tensor(count: 4, shape: [1 << 40], strides: [0]) }
    #expect(code { try open(file) } == .expansion)
  }

  @Test(arguments: [3, 5, Int.max, 1 << 62]) func refusesStoragesOfAnotherSize(count: Int) {
    let file = PickleBuilder.archive { $0.tensor(count: count, shape: [1], strides: [1]) }
    #expect(code { try open(file) } == .sizeMismatch)
  }

  @Test(arguments: ["1", "../0", "", "/etc/passwd"]) func refusesStoragesThatAreNotThere(key: String) {
    let file = PickleBuilder.archive { $0.tensor(storage: key, count: 4, shape: [1], strides: [1]) }
    #expect(code { try open(file) } == .invalidArchive)
  }

  @Test func refusesOneStorageOfTwoTypes() {
    let file = PickleBuilder.archive {
      $0 += "("
      $0.tensor(type: "FloatStorage", count: 4, shape: [4], strides: [1])
      $0.tensor(type: "IntStorage", count: 4, shape: [4], strides: [1])
      $0 += "t"
    }
    #expect(code { try open(file) } == .invalidPickle)
  }

  @Test func refusesNamesThatOccurTwice() {
    let file = PickleBuilder.archive {
      $0.tensor(count: 4, shape: [4], strides: [1])
      $0 += "s"
      $0.text("x")
      $0.tensor(count: 4, shape: [4], strides: [1])
    }
    #expect(code { try open(file) } == .duplicateKey)
  }

  // MARK: old files

  @Test func anOldFileCutAnywhereIsRefused() throws {
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: FormatTests.file("legacy.pt"))))
    for count in 0..<bytes.count {
      #expect(throws: CheckpointError.self) { try open(Array(bytes[..<count])) }
    }
    #expect(code { try open(bytes + [0]) } == .gap)
  }

  @Test func refusesAPickleThatIsNotPyTorchs() {
    var pickle = PickleBuilder()
    pickle += "}."
    #expect(code { try open(pickle.bytes) } == .unsupported)
    pickle = PickleBuilder()
    pickle += "cos\nsystem\n("
    pickle.text("id")
    pickle += "tR."
    #expect(code { try open(pickle.bytes) } == .unsafePickle)
  }
}

/// Reads a file that is in memory.
@discardableResult
func open(_ bytes: [UInt8], key: String? = nil) throws -> Checkpoint {
  try Checkpoint(HostStorage(count: bytes.count) { $0.copyBytes(from: bytes) }, name: "test", key: key)
}

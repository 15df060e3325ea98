import SoupCheckpoints
import SoupTensors
import Testing

/// NumPy arrays from strangers.
@Suite struct HostileNumpyTests {
  @Test func acceptsAnHonestArray() throws {
    for version: UInt8 in [1, 2, 3] {
      let header = "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 1), }   \n"
      #expect(try open(array(header: header, version: version, [1, 0, 2, 0])).tensor("test").doubles() == [1, 2])
    }
    #expect(try open(array("<f4", "()", [0, 0, 128, 63])).tensor("test").doubles() == [1])
    #expect(try open(array("<i8", "(0, 3)", [])).tensor("test").shape == [0, 3])
    #expect(try open(array("<i8", "(1L,)", Array(repeating: 0, count: 8))).entries.count == 1)
  }

  @Test(arguments: [
    "", "{", "{}", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False}",
    "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': 1}",
    "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}",
    "{'descr': __import__('os').system('id'), 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1 1)}",
    "{'descr': '<f4\\x', 'fortran_order': False, 'shape': ()}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': ((1,),)}",
  ])
  func refusesWhatIsNotTheDictionary(header: String) {
    #expect(code { try open(array(header: header, [0, 0, 0, 0])) } == .invalidHeader)
  }

  @Test(arguments: ["(-1,)", "(9223372036854775808,)", "(--1,)", "(1-1,)"])
  func refusesDimensionsThatAreNone(shape: String) {
    #expect(code { try open(array("<f4", shape, [0, 0, 0, 0])) } == .invalidNumber)
  }

  @Test(arguments: [
    "(4611686018427387904, 4)", "(9223372036854775807, 9223372036854775807)", "(4294967296, 4294967296)",
  ])
  func refusesShapesWhoseSizeOverflows(shape: String) {
    for fortran in [false, true] {
      #expect(code { try open(array("<f4", shape, [0, 0, 0, 0], fortran: fortran)) } == .sizeMismatch)
    }
  }

  @Test func emptyArraysOfHugeOtherDimensionsAreEmpty() throws {
    for fortran in [false, true] {
      let checkpoint = try open(array("<f4", "(0, 4611686018427387904, 4611686018427387904)", [], fortran: fortran))
      #expect(try checkpoint.tensor("test").floats().isEmpty)
    }
  }

  @Test func refusesMoreOrFewerBytesThanTheShapeSays() {
    #expect(code { try open(array("<f4", "(2,)", Array(repeating: 0, count: 7))) } == .truncated)
    #expect(code { try open(array("<f4", "(2,)", Array(repeating: 0, count: 9))) } == .gap)
    #expect(code { try open(array("<f4", "(2305843009213693951,)", Array(repeating: 0, count: 9))) } == .truncated)
  }

  @Test(arguments: ["|O", "O", "<O"]) func refusesObjects(descr: String) {
    #expect(code { try open(array(descr, "(1,)", [0x80, 2, 0x4E, 0x2E])) } == .unsafePickle)
  }

  @Test(arguments: ["<c8", "<u4", "<U5", "|S3", "<V2", "<M8", "f4", "", "<", "xf4", "|f4", "<f16"])
  func refusesDTypesItDoesNotHave(descr: String) {
    #expect(code { try open(array(descr, "(1,)", [0, 0, 0, 0])) } == .unknownDType)
  }

  @Test func refusesHeadersThatAreTooLongOrCut() {
    let header = array(header: "{" + String(repeating: " ", count: 10_001), version: 2, [])
    #expect(code { try open(header) } == .headerTooLarge)
    let whole = array("<f4", "(1,)", [0, 0, 0, 0])
    for count in 6..<whole.count { #expect(throws: CheckpointError.self) { try open(Array(whole[..<count])) } }
    #expect(code { try open(Array(whole[..<20])) } == .truncated)
    #expect(code { try open(array(header: "{}", version: 4, [])) } == .unsupported)
  }
}

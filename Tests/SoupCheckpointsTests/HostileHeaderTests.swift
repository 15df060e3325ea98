import Foundation
import SoupCheckpoints
import SoupTensors
import Testing

/// Files from strangers: each way in which a header can lie has a test, and none is read.
@Suite struct HostileHeaderTests {
  @Test func acceptsAnHonestFile() throws {
    let header = try read(
      #"{"__metadata__":{"a":"b"},"y":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},"# + "\n\t"
        + #""x":{"shape":[],"data_offsets":[0,4],"dtype":"I32"}}   "#, data: 12)
    #expect(header.metadata == ["a": "b"])
    #expect(header.entries.map(\.name) == ["x", "y"])
    #expect(header.entries[1].shape == [2] && header.entries[1].dtype == .float32)
    #expect(header.entries[1].byteRange.count == 8)
  }

  @Test func acceptsAFileWithoutTensors() throws {
    #expect(try read("{}", data: 0).entries.isEmpty)
  }

  @Test func acceptsEmptyTensorsAnywhere() throws {
    let json =
      #"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"#
      + #""c":{"dtype":"F32","shape":[4,0],"data_offsets":[3,3]}}"#
    #expect(try read(json, data: 3).entries.map(\.name) == ["a", "b", "c"])
  }

  // MARK: length

  @Test(arguments: 0..<8) func refusesFewerThanEightBytes(count: Int) {
    #expect(code { try SafetensorsHeader(bytes: Array(repeating: 0, count: count)) } == .truncated)
  }

  @Test func refusesAHeaderBeyondTheFile() {
    #expect(code { try SafetensorsHeader(bytes: length(3) + Array("{}".utf8)) } == .truncated)
  }

  @Test(arguments: [100_000_001, UInt64(Int64.max), UInt64.max, UInt64.max - 7])
  func refusesAHeaderOfMoreThan100MB(count: UInt64) {
    #expect(code { try SafetensorsHeader(bytes: length(count) + Array("{}".utf8)) } == .headerTooLarge)
  }

  @Test func refusesDataThatEndsEarly() {
    #expect(code { try read(tensor("x", "F32", "[4]", "[0,16]"), data: 15) } == .truncated)
  }

  // MARK: JSON

  @Test(arguments: [
    "", " ", "[]", "null", "{", "}", "{}}", "{},", "{} x", "{}\0", #"{"a"}"#, #"{"a":}"#, #"{,}"#, #"{"a":1}"#,
    #"{"a":[]}"#, #"{"a":null}"#, #"{"__metadata__":null}"#, #"{"__metadata__":{"a":1}}"#,
    #"{"__metadata__":{"a":{}}}"#, #"{"__metadata__":{"a":"b",}}"#, #"{'a':{}}"#, " {}",
  ])
  func refusesWhatIsNotTheRightJSON(json: String) {
    #expect(code { try read(json, data: 0) } == .invalidHeader)
  }

  @Test(arguments: [
    "x", #"\x"#, #"\u12"#, #"\u12g4"#, #"\ud800"#, #"\ud800\n"#, #"\ud800\ud800"#, #"\udc00"#, "\n", "\u{1}", #"\"#,
    #"\u+123"#,
  ])
  func refusesBadStrings(content: String) {
    let json = #"{"__metadata__":{"k":""# + content + (content == "x" ? "" : "\"}}")
    #expect(code { try read(json, data: 0) } == .invalidHeader)
  }

  @Test func readsEveryEscape() throws {
    let json = #"{"__metadata__":{"k":"\"\\\/\b\f\n\r\t\u0041\u2603\ud83c\udf72é"}}"#
    #expect(try read(json, data: 0).metadata["k"] == "\"\\/\u{8}\u{c}\n\r\tA☃🍲é")
  }

  @Test func refusesNestingWithoutRecursion() {
    let json = #"{"a":"# + String(repeating: "[", count: 1_000_000)
    #expect(code { try read(json, data: 0) } == .invalidHeader)
    #expect(code { try read(#"{"a":{"shape":"# + String(repeating: "[", count: 1_000_000), data: 0) } == .invalidHeader)
  }

  @Test func refusesFieldsTheFormatDoesNotHave() {
    let json = #"{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"stride":[1]}}"#
    #expect(code { try read(json, data: 1) } == .invalidHeader)
  }

  @Test(arguments: ["dtype", "shape", "data_offsets"]) func refusesMissingFields(field: String) {
    let fields = ["dtype": #""U8""#, "shape": "[1]", "data_offsets": "[0,1]"].filter { $0.key != field }
    let json = #"{"x":{"# + fields.map { #""\#($0.key)":\#($0.value)"# }.joined(separator: ",") + "}}"
    let error = #expect(throws: CheckpointError.self) { try read(json, data: 1) }
    #expect(error?.code == .invalidHeader && error?.detail.contains(field) == true)
  }

  @Test(arguments: ["[]", "[0]", "[0,1,1]"]) func refusesOtherThanTwoOffsets(offsets: String) {
    #expect(code { try read(tensor("x", "U8", "[1]", offsets), data: 1) } == .invalidHeader)
  }

  @Test func refusesBytesThatAreNotUTF8() {
    for bytes: [UInt8] in [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x98]] {
      let json = Array(#"{"__metadata__":{"k":""#.utf8) + bytes + Array(#""}}"#.utf8)
      #expect(code { try SafetensorsHeader(bytes: length(UInt64(json.count)) + json) } == .invalidUTF8)
    }
  }

  // MARK: duplicates and names

  @Test func refusesATensorNamedTwice() {
    let one = #""x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"#
    let two = #""\u0078":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}"#
    #expect(code { try read("{\(one),\(two)}", data: 2) } == .duplicateKey)
  }

  @Test(arguments: [
    #"{"__metadata__":{},"__metadata__":{}}"#,
    #"{"__metadata__":{"a":"1","a":"1"}}"#,
    #"{"x":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
    #"{"x":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}}"#,
    #"{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"data_offsets":[0,1]}}"#,
  ])
  func refusesAnyOtherKeyTwice(json: String) {
    #expect(code { try read(json, data: 1) } == .duplicateKey)
  }

  @Test(arguments: ["", #"a\u0000b"#, #"\u001b[2J"#, #"a\nb"#, "\u{9b}x"])
  func refusesNamesThatCannotBePrinted(name: String) {
    #expect(code { try read(tensor(name, "U8", "[1]", "[0,1]"), data: 1) } == .invalidName)
  }

  // MARK: dtypes, numbers, sizes

  @Test func namesEveryUnknownDType() {
    let json =
      #"{"x":{"dtype":"F4","shape":[1],"data_offsets":[0,1]},"y":{"dtype":"U64","shape":[1],"data_offsets":[1,9]}}"#
    let error = #expect(throws: CheckpointError.self) { try read(json, data: 9) }
    #expect(error?.code == .unknownDType)
    #expect(error?.detail == "unknown dtype of 'x' (F4), 'y' (U64)")
  }

  @Test(arguments: ["-1", "1.0", "1e0", "01", "+1", "0x1", "9223372036854775808", "1e999", "--1", "NaN"])
  func refusesNumbersThatAreNotPlainIntegers(number: String) {
    let expected: CheckpointError.Code = number.first == "N" || number == "0x1" ? .invalidHeader : .invalidNumber
    #expect(code { try read(tensor("x", "U8", "[\(number)]", "[0,1]"), data: 1) } == expected)
    #expect(code { try read(tensor("x", "U8", "[1]", "[0,\(number)]"), data: 1) } == expected)
  }

  @Test func refusesShapesWhoseSizeOverflows() {
    let huge = "[9223372036854775807,9223372036854775807]"
    #expect(code { try read(tensor("x", "U8", huge, "[0,1]"), data: 1) } == .sizeMismatch)
    // 2^62 x 4 elements wrap to 0 in 64 bits.
    #expect(code { try read(tensor("x", "U8", "[4611686018427387904,4]", "[0,0]"), data: 0) } == .sizeMismatch)
    #expect(code { try read(tensor("x", "F64", "[2305843009213693952]", "[0,0]"), data: 0) } == .sizeMismatch)
  }

  @Test(arguments: ["[0,3]", "[0,5]", "[0,0]"]) func refusesSizesThatDoNotMatchTheShape(offsets: String) {
    #expect(code { try read(tensor("x", "F32", "[1]", offsets), data: 5) } == .sizeMismatch)
  }

  @Test(arguments: ["[4,0]", "[9223372036854775807,9223372036854775807]", "[0,9223372036854775807]"])
  func refusesOffsetsThatAreNoRange(offsets: String) {
    #expect(code { try read(tensor("x", "F32", "[1]", offsets), data: 4) } == .offsetsOutOfRange)
  }

  @Test func refusesTensorsThatShareBytes() {
    let a = #""a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}"#
    for offsets in ["[0,4]", "[3,7]", "[1,5]"] {
      let b = #""b":{"dtype":"U8","shape":[4],"data_offsets":\#(offsets)}"#
      #expect(code { try read("{\(a),\(b)}", data: 8) } == .overlap)
    }
  }

  @Test func refusesBytesThatBelongToNoTensor() {
    #expect(code { try read(tensor("x", "U8", "[1]", "[1,2]"), data: 2) } == .gap)
    #expect(code { try read(tensor("x", "U8", "[1]", "[0,1]"), data: 2) } == .gap)
    #expect(code { try read("{}", data: 1) } == .gap)
  }

  // MARK: other formats, other things than files

  @Test(
    arguments: [
      (Array("PK\u{3}\u{4}".utf8) + Array(repeating: 9, count: 40), "zip"),
      ([0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20], "pickle"),
      (Array("version https://git-lfs.github.com/spec/v1\n".utf8), "git lfs pull"),
      (Array("GGUF".utf8) + Array(repeating: 1, count: 20), "GGUF"),
    ] as [([UInt8], String)])
  func saysWhatAnotherFormatIs(bytes: [UInt8], word: String) {
    let error = #expect(throws: CheckpointError.self) { try SafetensorsHeader(bytes: bytes) }
    #expect(error?.code == .notSafetensors)
    #expect(error?.description.contains(word) == true)
  }

  @Test func refusesWhatIsNotAFile() throws {
    let folder = try TemporaryFolder()
    #expect(code { try Checkpoint(contentsOf: folder.path) } == .noCheckpoint)
    #expect(code { try Checkpoint(contentsOf: "/dev/null") } == .notSafetensors)
    #expect(code { try Checkpoint(contentsOf: folder["missing"]) } == .cannotRead)
    try Data().write(to: URL(filePath: folder["empty"]))
    #expect(code { try Checkpoint(contentsOf: folder["empty"]) } == .truncated)
  }

  /// Damage of one byte at a time: whatever is still accepted must be safe to read in full.
  @Test func anyOneDamagedByteIsRefusedOrSafe() throws {
    let folder = try TemporaryFolder()
    let original = [UInt8](try Data(contentsOf: URL(filePath: fixture("checkpoints/pytorch.safetensors"))))
    let headerEnd = 8 + Int(original[0]) + Int(original[1]) << 8
    var refused = 0
    for index in 0..<headerEnd {
      for flip: UInt8 in [0x01, 0x10, 0x80, 0xff] {
        var bytes = original
        bytes[index] ^= flip
        do {
          let header = try SafetensorsHeader(bytes: bytes)
          #expect(header.entries.allSatisfy { $0.byteRange.upperBound <= bytes.count })
        } catch { refused += 1 }
      }
    }
    for count in 0..<original.count {
      #expect(throws: CheckpointError.self) { try SafetensorsHeader(bytes: Array(original[..<count])) }
    }
    #expect(refused > headerEnd)
    try Data(original[..<(original.count - 1)]).write(to: URL(filePath: folder["cut"]))
    #expect(code { try Checkpoint(contentsOf: folder["cut"]) } == .truncated)
  }

  // MARK: making files

  private func tensor(_ name: String, _ dtype: String, _ shape: String, _ offsets: String) -> String {
    #"{"\#(name)":{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":\#(offsets)}}"#
  }

  private func read(_ json: String, data: Int) throws -> SafetensorsHeader {
    let header = Array(json.utf8)
    return try SafetensorsHeader(bytes: length(UInt64(header.count)) + header + Array(repeating: 7, count: data))
  }
}

extension SafetensorsHeader {
  init(bytes: [UInt8]) throws {
    self = try bytes.withUnsafeBytes { try SafetensorsHeader(file: $0, path: "test.safetensors") }
  }
}

func length(_ value: UInt64) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

/// The code of the `CheckpointError` that `body` throws, or nil if it throws none.
func code(_ body: () throws -> some Any) -> CheckpointError.Code? {
  do { _ = try body() } catch { return (error as? CheckpointError)?.code }
  return nil
}

import Foundation
import SoupCheckpoints
import SoupTensors
import Testing

/// Checkpoints in several files, folders, and indices that lie.
@Suite struct ShardedTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try dict(["a": [1], "b": [2, 3]]).write(to: folder["one.safetensors"])
    try dict(["c": [4]]).write(to: folder["two.safetensors"])
    try "secret".write(toFile: folder["secret"], atomically: true, encoding: .utf8)
  }

  @Test func joinsShards() throws {
    let checkpoint = try read(
      #"{"metadata":{"total_size":16,"x":"y"},"weight_map":{"c":"two.safetensors","a":"one.safetensors","b":"one.safetensors"}}"#
    )
    #expect(
      checkpoint.files.map { String($0.split(separator: "/").last ?? "") } == ["one.safetensors", "two.safetensors"])
    #expect(checkpoint.entries.map(\.name) == ["a", "b", "c"])
    #expect(checkpoint.metadata == ["format": "pt", "x": "y"])
    #expect(try checkpoint.tensor("c").floats() == [4])
    var bytes = [Float](repeating: 0, count: 1)
    let entry = try #require(checkpoint.entry("b"))
    try bytes.withUnsafeMutableBytes { try checkpoint.read(entry, elements: 1..<2, into: $0) }
    #expect(bytes == [3])
  }

  @Test(arguments: ["../one.safetensors", "/etc/passwd", "a/b", "..", ".", "", "one\\u0000.safetensors", "a\\\\b"])
  func refusesShardsOutsideTheFolder(file: String) {
    #expect(code { try read(#"{"weight_map":{"a":"\#(file)"}}"#) } == .unsafePath)
  }

  @Test func listsEveryDifference() {
    let error = #expect(throws: CheckpointError.self) {
      try read(#"{"weight_map":{"a":"two.safetensors","b":"one.safetensors","d":"one.safetensors"}}"#)
    }
    #expect(error?.code == .invalidIndex)
    for text in ["'a' is in one", "'c' in two.safetensors is not in the index", "'d' is not in one"] {
      #expect(error?.description.contains(text) == true, "\(text)")
    }
  }

  @Test func namesTheShardsThatAreMissing() {
    let error = #expect(throws: CheckpointError.self) {
      try read(#"{"weight_map":{"a":"one.safetensors","b":"three.safetensors","c":"four.safetensors"}}"#)
    }
    #expect(error?.code == .cannotRead)
    #expect(error?.description.contains("four.safetensors, three.safetensors") == true)
  }

  @Test(arguments: [
    ("{}", CheckpointError.Code.invalidIndex), (#"{"weight_map":{}}"#, .invalidIndex), ("[1]", .invalidHeader),
    (#"{"weight_map":{"a":1}}"#, .invalidHeader), (#"{"weight_map":{"a":"x","a":"y"}}"#, .duplicateKey),
    (#"{"weight_map":{"a":"x"},"weight_map":{"a":"x"}}"#, .duplicateKey),
    (#"{"metadata":{"a":1,"a":1},"weight_map":{"a":"x"}}"#, .duplicateKey),
    (#"{"weight_map":{"a":"x"}} x"#, .invalidHeader),
    (#"{"weight_map":null}"#, .invalidHeader),
  ])
  func refusesWhatIsNotAnIndex(json: String, expected: CheckpointError.Code) {
    #expect(code { try read(json) } == expected)
  }

  @Test func refusesNestingBeyondReason() {
    #expect(code { try read(#"{"x":"# + String(repeating: "[", count: 100_000)) } == .tooComplex)
    #expect(code { try read(#"{"x":"# + String(repeating: #"{"a":"#, count: 100_000)) } == .tooComplex)
  }

  @Test func aShardThatIsNoCheckpointIsRefused() {
    #expect(throws: CheckpointError.self) { try read(#"{"weight_map":{"a":"secret"}}"#) }
  }

  // MARK: folders

  @Test func aFolderIsOneModelOrSeveralFiles() throws {
    let model = FormatTests.file("sharded-safetensors")
    #expect(try ModelFolder(model).isModel)
    #expect(try Checkpoint(contentsOf: model).files.count == 3)
    let several = try ModelFolder(folder.path)
    #expect(!several.isModel)
    #expect(several.checkpoints.count == 2)
    #expect(code { try Checkpoint(contentsOf: folder.path) } == .noCheckpoint)
  }

  @Test func safetensorsComeBeforePickles() throws {
    let model = try TemporaryFolder()
    try dict(["a": [1]]).write(to: model["model.safetensors"])
    try CheckpointWriter.writePyTorch(dict(["a": [2]]).dict, to: model["pytorch_model.bin"])
    #expect(try Checkpoint(contentsOf: model.path).tensor("a").floats() == [1])
    #expect(try ModelFolder(model.path).isModel == false)
    try "{}".write(toFile: model["config.json"], atomically: true, encoding: .utf8)
    #expect(try ModelFolder(model.path).isModel)
    try FileManager.default.removeItem(atPath: model["model.safetensors"])
    #expect(try Checkpoint(contentsOf: model.path).tensor("a").floats() == [2])
    // What a trainer leaves beside it is not a second checkpoint.
    try "x".write(toFile: model["training_args.bin"], atomically: true, encoding: .utf8)
    #expect(try ModelFolder(model.path).checkpoints.count == 1)
  }

  private func read(_ json: String) throws -> Checkpoint {
    try json.write(toFile: folder["index.json"], atomically: true, encoding: .utf8)
    return try Checkpoint(contentsOf: folder["index.json"])
  }

  private struct Small {
    let dict: StateDict
    func write(to path: String) throws { try CheckpointWriter.write(dict, to: path) }
  }

  private func dict(_ values: [String: [Float]]) throws -> Small {
    let pairs = try values.sorted { $0.key < $1.key }
      .map { ($0.key, try HostTensor(floats: $0.value, shape: [$0.value.count])) }
    return Small(dict: try StateDict(pairs, metadata: ["format": "pt"]))
  }
}

import Foundation
import SoupCheckpoints
import SoupTensors
import Testing

@Suite struct WriterTests {
  @Test func whatIsWrittenIsRead() throws {
    let folder = try TemporaryFolder()
    let original = try Checkpoint(contentsOf: fixture("checkpoints/pytorch.safetensors")).stateDict()
    try CheckpointWriter.write(original, to: folder["copy.safetensors"])
    let copy = try Checkpoint(contentsOf: folder["copy.safetensors"]).stateDict()
    #expect(copy.metadata == original.metadata)
    #expect(Set(copy.names) == Set(original.names))
    for (name, tensor) in original {
      let found = try #require(copy[name])
      #expect(found.dtype == tensor.dtype && found.shape == tensor.shape)
      #expect(bytes(found) == bytes(tensor))
    }
    #expect(try folder.contents == ["copy.safetensors"])
  }

  @Test func everyTensorIsAlignedForItsDType() throws {
    let items: [SafetensorsLayout.Item] = [
      .init(name: "a", dtype: .uint8, shape: [3]), .init(name: "b", dtype: .float32, shape: [1]),
      .init(name: "c", dtype: .float64, shape: [1]), .init(name: "d", dtype: .float16, shape: [1]),
      .init(name: "e", dtype: .float32, shape: []),
    ]
    let layout = try SafetensorsLayout(items, metadata: ["k": String(repeating: "v", count: 99)])
    #expect(layout.entries.map(\.name) == ["c", "b", "e", "d", "a"])
    #expect(layout.entries.allSatisfy { $0.byteRange.lowerBound % $0.dtype.size == 0 })
    #expect(layout.header.count % 64 == 0)
    let file = layout.header + Array(repeating: 0, count: layout.fileSize - layout.header.count)
    #expect(try SafetensorsHeader(bytes: file).entries == layout.entries)
  }

  @Test func equalDictsGiveEqualBytes() throws {
    let folder = try TemporaryFolder()
    let tensor = try HostTensor(floats: [1, 2], shape: [2])
    for name in ["1", "2"] {
      var dict = StateDict(metadata: Dictionary(uniqueKeysWithValues: (0..<20).map { ("key\($0)", "value") }))
      try dict.add("x", tensor)
      try CheckpointWriter.write(dict, to: folder[name])
    }
    #expect(FileManager.default.contentsEqual(atPath: folder["1"], andPath: folder["2"]))
  }

  @Test func namesAndMetadataMayHoldAnyText() throws {
    let folder = try TemporaryFolder()
    let text = "\"\\/\u{8}\u{c}\n\r\t\u{1}☃🍲é"
    var dict = StateDict(metadata: [text: text])
    try dict.add("naïve \"\\ 日本", HostTensor(floats: [1], shape: [1]))
    try CheckpointWriter.write(dict, to: folder["x"])
    let read = try Checkpoint(contentsOf: folder["x"])
    #expect(read.metadata == [text: text])
    #expect(read.entries.map(\.name) == ["naïve \"\\ 日本"])
  }

  @Test func refusesToReplaceUnlessAllowed() throws {
    let folder = try TemporaryFolder()
    let dict = try StateDict([("x", HostTensor(floats: [1], shape: [1]))])
    try CheckpointWriter.write(dict, to: folder["x"])
    #expect(code { try CheckpointWriter.write(dict, to: folder["x"], replacing: false) } == .exists)
    try CheckpointWriter.write(dict, to: folder["x"])
    #expect(try folder.contents == ["x"])
  }

  @Test func aMissingFolderIsAnErrorThatSaysSo() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: CheckpointError.self) {
      try CheckpointWriter.write(StateDict(), to: folder["none/x"])
    }
    #expect(error?.code == .cannotWrite)
    #expect(error?.detail.contains("folder does not exist") == true)
    #expect(code { try CheckpointWriter.write(StateDict(), to: folder.path) } == .cannotWrite)
  }

  private func bytes(_ tensor: HostTensor) -> [UInt8] { tensor.withUnsafeBytes { Array($0) } }
}

@Suite struct AtomicFileTests {
  @Test func nothingIsLeftWithoutCommit() throws {
    let folder = try TemporaryFolder()
    try Data("old".utf8).write(to: URL(filePath: folder["x"]))
    do {
      let file = try AtomicFile(path: folder["x"], size: 1000)
      try Array("new".utf8).withUnsafeBytes { try file.write($0, at: 0) }
      #expect(try folder.contents.count == 2)
    }
    #expect(try folder.contents == ["x"])
    #expect(try String(contentsOfFile: folder["x"], encoding: .utf8) == "old")
  }

  @Test func readersOfTheOldFileKeepIt() throws {
    let folder = try TemporaryFolder()
    try CheckpointWriter.write(StateDict([("x", HostTensor(floats: [1], shape: [1]))]), to: folder["x"])
    let old = try Checkpoint(contentsOf: folder["x"])
    try CheckpointWriter.write(StateDict([("x", HostTensor(floats: [2], shape: [1]))]), to: folder["x"])
    #expect(try old.tensor("x").floats() == [1])
    #expect(try Checkpoint(contentsOf: folder["x"]).tensor("x").floats() == [2])
  }

  @Test func writesThroughASymbolicLinkAndKeepsTheMode() throws {
    let folder = try TemporaryFolder()
    try Data().write(to: URL(filePath: folder["real"]))
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: folder["real"])
    try FileManager.default.createSymbolicLink(atPath: folder["link"], withDestinationPath: "real")
    let file = try AtomicFile(path: folder["link"])
    try Array("new".utf8).withUnsafeBytes { try file.write($0, at: 0) }
    try file.commit()
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder["link"]) == "real")
    #expect(try String(contentsOfFile: folder["real"], encoding: .utf8) == "new")
    let mode = try FileManager.default.attributesOfItem(atPath: folder["real"])[.posixPermissions] as? Int
    #expect(mode == 0o640)
  }
}

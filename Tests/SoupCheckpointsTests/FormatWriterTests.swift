import Foundation
import SoupCheckpoints
import SoupTensors
import Testing

/// PyTorch files and shards of our own. `Tools/check_formats.py` loads them with PyTorch; here they go through our
/// reader, which `FormatTests` proves on PyTorch's files.
@Suite struct FormatWriterTests {
  private let folder: TemporaryFolder
  private let source: Checkpoint

  init() throws {
    folder = try TemporaryFolder()
    source = try Checkpoint(contentsOf: FormatTests.file("zip.pt"))
  }

  @Test(arguments: CheckpointWriter.Format.allCases)
  func everyDTypeGoesRoundByteForByte(format: CheckpointWriter.Format) throws {
    for supply in [TensorSupply(source), TensorSupply(try source.stateDict())] {
      try CheckpointWriter.write(supply, to: folder["x"], format: format)
      try compare(try Checkpoint(contentsOf: folder["x"]), with: source)
    }
  }

  @Test func metadataAndOrderAreKept() throws {
    var dict = try source.stateDict()
    dict.metadata = ["soup.model": #"{"a":"b"}"#, "line": "one\ntwo ☃"]
    try CheckpointWriter.writePyTorch(dict, to: folder["x.pt"])
    let read = try Checkpoint(contentsOf: folder["x.pt"])
    #expect(read.metadata == dict.metadata)
    #expect(read.entries.map(\.name) == dict.names)
  }

  @Test func tiedTensorsAreStoredOnce() throws {
    let count = 100_000
    let tensor = try HostTensor(floats: Array(repeating: 1.5, count: count), shape: [count])
    let dict = try StateDict([("embedding", tensor), ("head", tensor), ("other", HostTensor(floats: [1], shape: [1]))])
    try CheckpointWriter.writePyTorch(dict, to: folder["x.pt"])
    let read = try Checkpoint(contentsOf: folder["x.pt"])
    #expect(read.tiedNames == [["embedding", "head"]])
    #expect(read.fileSize < count * 4 + 4096)
    #expect(try read.tensor("head").floats() == tensor.floats())
  }

  @Test func storagesAreAlignedAndTheSameTensorsGiveTheSameBytes() throws {
    let layout = try PyTorchLayout(TensorSupply(source).items)
    #expect(layout.storages.allSatisfy { $0.byteRange.lowerBound % 64 == 0 })
    for name in ["x.pt", "y.pt"] {
      try CheckpointWriter.write(TensorSupply(source), to: folder[name], format: .pytorch)
    }
    let bytes = try Data(contentsOf: URL(filePath: folder["x.pt"]))
    #expect(try bytes == Data(contentsOf: URL(filePath: folder["y.pt"])))
    #expect(try bytes.count == PyTorchLayout(TensorSupply(source).items, tiedNames: source.tiedNames).fileSize)
  }

  /// With `SOUP_PYTHON` naming a Python that has torch and safetensors: they read what we write, without pickle's dangers.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["SOUP_PYTHON"] != nil))
  func pyTorchReadsThem() throws {
    try CheckpointWriter.write(TensorSupply(source), to: folder["x.pt"], format: .pytorch)
    try ShardedWriter.write(TensorSupply(source), toFolder: folder["bin"], shardSize: 300, format: .pytorch)
    try ShardedWriter.write(TensorSupply(source), toFolder: folder["safe"], shardSize: 300)
    let script = """
      import json, sys, torch, zipfile
      from safetensors.torch import load_file
      original, folder = sys.argv[1:]
      def same(found, expected):
          assert set(found) == set(expected), set(found) ^ set(expected)
          for name, tensor in expected.items():
              other = found[name]
              assert other.dtype == tensor.dtype and other.shape == tensor.shape, name
              a, b = (t.contiguous().reshape(-1).view(torch.uint8) for t in (other, tensor))
              assert torch.equal(a, b), name
      expected = torch.load(original, weights_only=True)
      for options in ({}, {"mmap": True}):
          found = torch.load(folder + "/x.pt", weights_only=True, **options)
          same(found, expected)
          assert list(found) == list(expected)
          assert found["head"].data_ptr() == found["embedding"].data_ptr()
      assert zipfile.ZipFile(folder + "/x.pt").testzip() is None
      for part, index, load in (
          ("bin", "pytorch_model.bin", lambda f: torch.load(f, weights_only=True)), ("safe", "model.safetensors", load_file)):
          weight_map = json.load(open(f"{folder}/{part}/{index}.index.json"))["weight_map"]
          found = {}
          for shard in sorted(set(weight_map.values())):
              tensors = load(f"{folder}/{part}/{shard}")
              assert set(tensors) == {name for name, file in weight_map.items() if file == shard}
              found |= tensors
          same(found, expected)
      print("same")
      """
    let process = Process()
    process.executableURL = URL(filePath: ProcessInfo.processInfo.environment["SOUP_PYTHON"] ?? "python3")
    process.arguments = ["-c", script, FormatTests.file("zip.pt"), folder.path]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0 && text == "same\n")
  }

  @Test func anEmptyStateDictIsAFile() throws {
    try CheckpointWriter.writePyTorch(StateDict(), to: folder["x.pt"])
    #expect(code { try Checkpoint(contentsOf: folder["x.pt"]) } == .noStateDict)
  }

  /// Sizes and offsets beyond 32 bits, in a file that is all holes.
  @Test func filesBeyondFourGigabytesHaveLargeFields() throws {
    let items = [
      SafetensorsLayout.Item(name: "a", dtype: .uint8, shape: [5 << 30]),
      SafetensorsLayout.Item(name: "b", dtype: .float32, shape: [2]),
    ]
    let layout = try PyTorchLayout(items)
    let handle = try #require(fopen(folder["large.pt"], "w"))
    for part in layout.frame(checksums: [0, 0]) {
      fseek(handle, part.offset, SEEK_SET)
      fwrite(part.bytes, 1, part.bytes.count, handle)
    }
    fseek(handle, layout.storages[1].byteRange.lowerBound, SEEK_SET)
    fwrite([Float(1), 2], 4, 2, handle)
    fclose(handle)
    let read = try Checkpoint(contentsOf: folder["large.pt"])
    #expect(read.fileSize == layout.fileSize && read.fileSize > 5 << 30)
    #expect(read.entry("a")?.shape == [5 << 30])
    #expect(try read.tensor("b").floats() == [1, 2])
    #expect(read.entries.map(\.byteRange) == layout.entries.map(\.byteRange))
  }

  @Test func refusesShapesWhoseSizeOverflows() {
    let item = SafetensorsLayout.Item(name: "a", dtype: .float32, shape: [1 << 62, 4])
    #expect(throws: TensorError.self) { try PyTorchLayout([item]) }
    #expect(throws: TensorError.self) { try ShardPlan([item]) }
  }

  // MARK: shards

  @Test(arguments: CheckpointWriter.Format.allCases, [100, 300, 1_000_000])
  func shardsJoinToTheWhole(format: CheckpointWriter.Format, shardSize: Int) throws {
    let target = folder["model"]
    let files = try ShardedWriter.write(TensorSupply(source), toFolder: target, shardSize: shardSize, format: format)
    #expect(files.count > 2 || shardSize == 1_000_000)
    try compare(try Checkpoint(contentsOf: target), with: source)
    for file in files.dropLast() {
      let shard = try Checkpoint(contentsOf: file)
      let bytes = shard.entries.reduce(0) { $0 + $1.byteRange.count }
      #expect(bytes <= shardSize || shard.entries.count == 1 || !shard.tiedNames.isEmpty)
    }
  }

  @Test func shardsAreNamedAsAtHuggingFace() throws {
    let items = (0..<5).map { SafetensorsLayout.Item(name: "t\($0)", dtype: .uint8, shape: [10]) }
    let plan = try ShardPlan(items, shardSize: 20)
    #expect(plan.shards.map(\.file) == (1...3).map { "model-0000\($0)-of-00003.safetensors" })
    #expect(plan.shards.map { $0.items.map(\.name) } == [["t0", "t1"], ["t2", "t3"], ["t4"]])
    #expect(plan.indexFile == "model.safetensors.index.json")
    #expect(plan.totalSize == 50)
    let whole = try ShardPlan(items, format: .pytorch)
    #expect(whole.shards.map(\.file) == ["pytorch_model.bin"] && whole.indexFile == nil)
    #expect(try ShardPlan(items, shardSize: 1).shards.count == 5)
  }

  @Test func nothingIsReplacedThatMayNotBe() throws {
    let target = folder["model"]
    try ShardedWriter.write(TensorSupply(source), toFolder: target, shardSize: 300)
    let before = try FileManager.default.contentsOfDirectory(atPath: target).sorted()
    #expect(
      code { try ShardedWriter.write(TensorSupply(source), toFolder: target, shardSize: 300, replacing: false) }
        == .exists)
    #expect(try FileManager.default.contentsOfDirectory(atPath: target).sorted() == before)
  }

  @Test func sidecarsComeAlong() throws {
    let (from, to) = (try TemporaryFolder(), try TemporaryFolder())
    for name in [
      "config.json", "tokenizer.model", "merges.txt", "model.safetensors.index.json", "a.safetensors", ".hidden.json",
    ] {
      try name.write(toFile: from[name], atomically: true, encoding: .utf8)
    }
    try FileManager.default.createDirectory(atPath: from["folder.json"], withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: from["vocab.json"], withDestinationPath: from["config.json"])
    try "own".write(toFile: to["merges.txt"], atomically: true, encoding: .utf8)
    #expect(try Sidecars.copy(from: from.path, to: to.path) == ["config.json", "tokenizer.model", "vocab.json"])
    #expect(try to.contents == ["config.json", "merges.txt", "tokenizer.model", "vocab.json"])
    #expect(try String(contentsOfFile: to["vocab.json"], encoding: .utf8) == "config.json")
    #expect(try String(contentsOfFile: to["merges.txt"], encoding: .utf8) == "own")
  }

  private func compare(_ found: Checkpoint, with expected: Checkpoint) throws {
    #expect(Set(found.entries.map(\.name)) == Set(expected.entries.map(\.name)))
    for entry in expected.entries {
      let (a, b) = (try found.tensor(entry.name), try expected.tensor(entry.name))
      #expect(a.dtype == b.dtype && a.shape == b.shape)
      #expect(a.withUnsafeBytes { Array($0) } == b.withUnsafeBytes { Array($0) }, "\(entry.name)")
    }
  }
}

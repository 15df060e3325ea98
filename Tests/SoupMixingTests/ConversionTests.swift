import Foundation
import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

@Suite struct ConversionTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: folder[name])) }

  @discardableResult
  private func convert(
    _ from: String, _ to: String, dtype: DType? = nil, shardSize: Int? = nil, format: CheckpointWriter.Format? = nil,
    threads: Int = 2
  ) throws -> ConversionReport {
    try Converter(threads: threads).convert(
      Checkpoint(contentsOf: folder[from]),
      to: CheckpointDestination(folder[to], format: format, shardSize: shardSize), dtype: dtype)
  }

  /// Every bit pattern that a number can have, in every dtype.
  private func everything(_ name: String) throws {
    var numbers = Numbers(seed: 7)
    var pairs: [(String, HostTensor)] = []
    for dtype in DType.allCases {
      // All 65,536 patterns of 16 bits, and random ones where there are more.
      let count = dtype.size == 1 ? (dtype == .bool ? 2 : 256) : 1 << 16
      var raw: [UInt8] = []
      for index in 0..<count {
        let word = dtype.size <= 2 ? UInt64(index) : numbers.next()
        raw += withUnsafeBytes(of: word.littleEndian) { Array($0.prefix(dtype.size)) }
      }
      pairs.append((dtype.name, try HostTensor(dtype: dtype, shape: [2, count / 2]) { $0.copyBytes(from: raw) }))
    }
    pairs.append(("scalar", try HostTensor(integers: [-3], shape: [])))
    pairs.append(("empty", try HostTensor(floats: [], shape: [0, 4])))
    try folder.write(name, pairs, metadata: ["format": "pt", "note": "ü\n\"x\""])
  }

  @Test func aWayThroughEveryFormatEndsWhereItBegan() throws {
    try everything("start.safetensors")
    try convert("start.safetensors", "a.pt")
    try convert("a.pt", "b.safetensors")
    #expect(try bytes("b.safetensors") == bytes("start.safetensors"))
    let shards = try convert("b.safetensors", "shards", shardSize: 200_000)
    #expect(shards.files.count > 4)
    #expect(shards.files.last?.hasSuffix("/model.safetensors.index.json") == true)
    try convert("shards", "bins", shardSize: 300_000, format: .pytorch)
    try convert("bins", "c.safetensors")
    #expect(try bytes("c.safetensors") == bytes("start.safetensors"))
    try convert("c.safetensors", "d.pt")
    #expect(try bytes("d.pt") == bytes("a.pt"))
    #expect(shards.losses.isEmpty && shards.warnings.isEmpty)
  }

  @Test func threadsDoNotChangeTheBytes() throws {
    try everything("start.safetensors")
    for threads in [1, 3, 8] {
      try convert("start.safetensors", "\(threads).pt", dtype: .bfloat16, threads: threads)
      #expect(try bytes("\(threads).pt") == bytes("1.pt"))
    }
  }

  /// float32 to float16: 65,519 rounds to 65,504, the largest; 65,520 is halfway and becomes infinite.
  @Test func lossesAreCounted() throws {
    let values: [Float] = [0, -0.0, 1, 65504, 65519, 65520, -1e9, .infinity, .nan, 1e-9, 5.9604645e-8, 0.1]
    try folder.write(
      "a.safetensors",
      [("w", HostTensor(floats: values, shape: [12])), ("n", HostTensor(integers: [1 << 40], shape: []))])
    let report = try convert("a.safetensors", "b.safetensors", dtype: .float16)
    #expect(report.losses.count == 1)
    let loss = try #require(report.losses.first)
    #expect(loss.tensor == "w" && loss.from == "float32" && loss.to == "float16" && loss.elements == 12)
    #expect(loss.overflowed == 2 && loss.vanished == 1)
    #expect(loss.changed == 5)
    #expect(report.convertedElements == 12)
    #expect(report.warnings.count == 3 && report.warnings[0].contains("w (2)"))
    let result = try Checkpoint(contentsOf: folder["b.safetensors"])
    let halves = try result.tensor("w").withUnsafeBytes { Array($0.bindMemory(to: UInt16.self)) }
    #expect(Array(halves.prefix(8)) == [0, 0x8000, 0x3C00, 0x7BFF, 0x7BFF, 0x7C00, 0xFC00, 0x7C00])
    #expect(Array(halves[9...]) == [0, 1, 0x2E66])
    #expect(try result.tensor("n").bytes == HostTensor(integers: [1 << 40], shape: []).bytes)
  }

  @Test func whatFitsIsNotALoss() throws {
    try everything("start.safetensors")
    let up = try convert("start.safetensors", "up.safetensors", dtype: .float64)
    #expect(up.losses.isEmpty)
    let half = try Checkpoint(contentsOf: folder["start.safetensors"]).tensor("bfloat16")
    try folder.write("half.safetensors", [("w", half)])
    try convert("half.safetensors", "wide.safetensors", dtype: .float32)
    let back = try convert("wide.safetensors", "back.safetensors", dtype: .bfloat16)
    #expect(back.losses.isEmpty)
    // All but the contents of NaN come back; those stay NaN.
    let again = try Checkpoint(contentsOf: folder["back.safetensors"]).tensor("w")
    for (a, b) in zip(half.floats(), again.floats()) { #expect(a.isNaN ? b.isNaN : a.bitPattern == b.bitPattern) }
  }

  @Test func tiedTensorsStayTied() throws {
    let count = 50_000
    let tensor = try HostTensor(floats: Array(repeating: 1.5, count: count), shape: [count])
    let dict = try StateDict([("embedding", tensor), ("head", tensor)])
    try CheckpointWriter.writePyTorch(dict, to: folder["a.pt"])
    try convert("a.pt", "b.pt", dtype: .bfloat16)
    let read = try Checkpoint(contentsOf: folder["b.pt"])
    #expect(read.tiedNames == [["embedding", "head"]])
    #expect(read.fileSize < count * 2 + 4096)
    try convert("a.pt", "c.safetensors")
    #expect(try Checkpoint(contentsOf: folder["c.safetensors"]).tensor("head").bytes == tensor.bytes)
  }

  @Test func integersAreNoTarget() throws {
    try folder.write("a.safetensors", [("w", HostTensor(floats: [1], shape: [1]))])
    #expect(throws: MixError.self) { try convert("a.safetensors", "b.safetensors", dtype: .int8) }
    #expect(try folder.contents == ["a.safetensors"])
  }

  @Test func theInputMayBeTheOutput() throws {
    try folder.write("a.safetensors", [("w", HostTensor(floats: [1, 2], shape: [2]))])
    try convert("a.safetensors", "a.safetensors", dtype: .bfloat16)
    #expect(try Checkpoint(contentsOf: folder["a.safetensors"]).tensor("w").floats() == [1, 2])
    #expect(try Checkpoint(contentsOf: folder["a.safetensors"]).tensor("w").dtype == .bfloat16)
  }
}

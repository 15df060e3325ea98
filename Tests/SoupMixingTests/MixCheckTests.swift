import Foundation
import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

@Suite struct MixCheckTests {
  @Test func ingredientsThatFitHaveNoFindings() throws {
    let folder = try TemporaryFolder()
    let paths = try (1...3).map { try folder.network("\($0)", seed: UInt64($0)) }
    let check = try MixCheck(.uniform(paths), output: folder["soup.safetensors"], values: true)
    #expect(check.findings == [] && check.canMix)
    #expect(check.inputs.map(\.path) == paths && check.inputs[0].dtypes == ["float32", "int64"])
    try Mixer().mix(.uniform(paths), to: folder["soup.safetensors"])
    let size = try FileManager.default.attributesOfItem(atPath: folder["soup.safetensors"])[.size] as? Int
    #expect(check.outputBytes == size && check.diskBytes == size)
    #expect(try #require(check.memoryBytes) < 256_000_000)
  }

  @Test func everyProblemOfEveryFileAtOnce() throws {
    let folder = try TemporaryFolder()
    let a = try folder.write("a", [("w", ones([2, 3])), ("b", ones([2])), ("m.embed_tokens.weight", ones([10, 4]))])
    let b = try folder.write("b", [("w", ones([3, 2])), ("b", ones([2])), ("m.embed_tokens.weight", ones([12, 4]))])
    let c = try folder.write(
      "c",
      [
        ("w", ones([2, 3])), ("b", HostTensor(integers: [1, 2], shape: [2])), ("m.embed_tokens.weight", ones([10, 4])),
        ("lm_head.weight", ones([10, 4])),
      ])
    try Data("not a checkpoint".utf8).write(to: URL(filePath: folder["damaged"]))
    try Data("old".utf8).write(to: URL(filePath: folder["soup.safetensors"]))
    let check = try MixCheck(
      .weighted([(a, 1), (folder["damaged"], 1), (b, 1), (folder["absent"], 1), (c, 1)]),
      output: folder["soup.safetensors"])
    #expect(!check.canMix && check.plan == nil && check.outputBytes == nil)
    struct Key: Hashable {
      let code: String
      let file: String?
      let tensor: String?
    }
    let errors = check.findings.filter { $0.severity == .error }
    #expect(
      Set(errors.map { Key(code: $0.code.rawValue, file: $0.file, tensor: $0.tensor) }) == [
        Key(code: "file", file: folder["damaged"], tensor: nil), Key(code: "file", file: folder["absent"], tensor: nil),
        Key(code: "shape", file: b, tensor: "w"), Key(code: "vocabulary", file: b, tensor: "m.embed_tokens.weight"),
        Key(code: "dtype", file: c, tensor: "b"), Key(code: "tied", file: c, tensor: "lm_head.weight"),
        Key(code: "output", file: folder["soup.safetensors"], tensor: nil),
      ])
    #expect(errors.count == 7)
    #expect(errors.filter { $0.code != .file }.allSatisfy { !$0.advice.isEmpty })
  }

  @Test func numbersThatDoNotFitAreOneFinding() throws {
    let folder = try TemporaryFolder()
    let a = try folder.network("a", seed: 1)
    let check = try MixCheck(.weighted([(a, 1), (a, -1)]))
    #expect(check.findings.map(\.code) == [.recipe])
  }

  @Test func valuesTellWhatHeadersCannot() throws {
    let folder = try TemporaryFolder()
    func file(_ name: String, _ x: [Float], zero: Float = 0, alone: Float = 1) throws -> String {
      try folder.write(
        name,
        [
          ("x", HostTensor(floats: x, shape: [3])), ("bias", HostTensor(floats: [zero, zero], shape: [2])),
          ("alone", HostTensor(floats: [alone, alone], shape: [2])),
        ])
    }
    let (good, bad) = (try file("good", [1, 2, 3]), try file("bad", [.nan, .infinity, 1e5], alone: 0))
    var recipe = Recipe.uniform([good, bad])
    #expect(try MixCheck(recipe).findings == [])
    recipe.dtype = .float16
    let findings = try MixCheck(recipe, values: true).findings
    #expect(findings.map(\.severity) == [.warning, .warning, .warning])
    #expect(findings.allSatisfy { $0.file == bad })
    // The bias is zero in both, as biases may be: no finding.
    #expect(
      Set(findings.map { "\($0.code.rawValue) \($0.tensor ?? "")" }) == [
        "non-finite x", "overflow x", "all-zero alone",
      ])
  }

  @Test func filesBesideTheCheckpointsAreCompared() throws {
    let folder = try TemporaryFolder()
    var paths: [String] = []
    for (name, size, tokenizer) in [("a", 10, "one"), ("b", 10, "one"), ("c", 12, "two")] {
      try FileManager.default.createDirectory(atPath: folder[name], withIntermediateDirectories: true)
      try Data("{\"vocab_size\": \(size), \"other\": []}".utf8).write(to: URL(filePath: folder["\(name)/config.json"]))
      try Data(tokenizer.utf8).write(to: URL(filePath: folder["\(name)/tokenizer.json"]))
      paths.append(try folder.network("\(name)/model.safetensors", seed: 1))
    }
    let findings = try MixCheck(.uniform(paths)).findings
    #expect(findings.map(\.code) == [.vocabulary, .vocabulary] && findings.allSatisfy { $0.file == paths[2] })
    #expect(findings.contains { $0.detail.contains("vocab_size = 12") })
    #expect(findings.contains { $0.detail.contains("tokenizer.json") })
  }

  @Test func oneFileTwiceIsAWarningUnderTwoNames() throws {
    let folder = try TemporaryFolder()
    let a = try folder.network("a", seed: 1)
    try FileManager.default.linkItem(atPath: a, toPath: folder["b"])
    #expect(try MixCheck(.uniform([a, folder["b"]])).findings.map(\.code) == [.sameFile])
  }

  @Test func quantisedWeightsAreAWarning() throws {
    let folder = try TemporaryFolder()
    let weights = try HostTensor(dtype: .int8, shape: [100, 100]) { $0.initializeMemory(as: UInt8.self, repeating: 7) }
    let a = try folder.write("a", [("w", weights), ("scale", ones([100]))])
    let findings = try MixCheck(.uniform([a])).findings
    #expect(findings.map(\.code) == [.integers] && findings[0].tensor == "w")
  }

  /// Eight models of 70 billion parameters, 140 GB each: files that take no room.
  /// What was not read cannot take time: of 1.1 TB only the headers come into memory.
  @Test func seventyBillionParametersAreCheckedByTheirHeaders() throws {
    let folder = try TemporaryFolder()
    var items = [SafetensorsLayout.Item(name: "model.embed_tokens.weight", dtype: .bfloat16, shape: [32000, 8192])]
    for layer in 0..<80 {
      for (name, shape) in [
        ("input_layernorm", [8192]), ("post_attention_layernorm", [8192]), ("self_attn.q_proj", [8192, 8192]),
        ("self_attn.k_proj", [1024, 8192]), ("self_attn.v_proj", [1024, 8192]), ("self_attn.o_proj", [8192, 8192]),
        ("mlp.gate_proj", [28672, 8192]), ("mlp.up_proj", [28672, 8192]), ("mlp.down_proj", [8192, 28672]),
      ] {
        items.append(.init(name: "model.layers.\(layer).\(name).weight", dtype: .bfloat16, shape: shape))
      }
    }
    items.append(.init(name: "lm_head.weight", dtype: .bfloat16, shape: [32000, 8192]))
    let layout = try SafetensorsLayout(items, metadata: ["format": "pt"])
    #expect(layout.fileSize > 137_000_000_000)
    let paths = try (0..<8).map { index in
      try Data(layout.header).write(to: URL(filePath: folder["\(index)"]))
      #expect(truncate(folder["\(index)"], layout.fileSize) == 0)
      return folder["\(index)"]
    }
    let check = try MixCheck(.uniform(paths), output: folder["soup.safetensors"])
    #expect(try #require(check.outputBytes) > 137_000_000_000)
    // Whether it fits depends on the machine; that it is said does not.
    let free = try #require(check.freeDiskBytes)
    #expect(check.findings.contains { $0.code == .disk } == (free < layout.fileSize))
    // The header, and what the system reads ahead of its own accord.
    for path in paths { #expect(try residentBytes(path, size: layout.fileSize) < layout.header.count + 8 << 20) }
  }

  /// Bytes of a file in the page cache: of its first GB, and of 64 MB at forty places.
  private func residentBytes(_ path: String, size: Int) throws -> Int {
    let descriptor = open(path, O_RDONLY)
    defer { close(descriptor) }
    let address = try #require(mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0))
    #expect(address != MAP_FAILED)
    defer { munmap(address, size) }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let windows = [(0, 1 << 30)] + (1..<40).map { (size / 40 * $0 / page * page, 64 << 20) }
    return windows.reduce(0) { sum, window in
      var states = [UInt8](repeating: 0, count: window.1 / page)
      #expect(mincore(address + window.0, window.1, &states) == 0)
      return sum + states.count { $0 & 1 == 1 } * page
    }
  }

  private func ones(_ shape: [Int]) throws -> HostTensor {
    try HostTensor(floats: Array(repeating: 1, count: shape.reduce(1, *)), shape: shape)
  }
}

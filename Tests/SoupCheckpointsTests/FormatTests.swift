import Foundation
import SoupCheckpoints
import SoupTensors
import Testing

/// Every kind of file that PyTorch, NumPy and Hugging Face's libraries write (Tools/make_checkpoints.py), against the
/// values that they read back.
@Suite struct FormatTests {
  struct Expected: Decodable {
    let dtype: String
    let shape: [Int]
    let values: [Double]
  }

  static let expected: [String: [String: Expected]] = {
    let url = URL(filePath: fixture("checkpoints/formats/expected.json"))
    return (try? JSONDecoder().decode([String: [String: Expected]].self, from: Data(contentsOf: url))) ?? [:]
  }()

  static func file(_ name: String) -> String { fixture("checkpoints/formats/" + name) }

  @Test(arguments: [
    ("zip.pt", CheckpointFormat.pytorch), ("protocol3.pt", .pytorch), ("protocol4.pt", .pytorch),
    ("protocol5.pt", .pytorch), ("deflated.pt", .pytorch), ("big.pt", .pytorch), ("legacy.pt", .legacyPyTorch),
    ("legacy4.pt", .legacyPyTorch), ("training.pt", .pytorch), ("training-legacy.pt", .legacyPyTorch),
    ("nested.pt", .pytorch), ("module.pt", .pytorch), ("parameters.pt", .pytorch), ("tensor.pt", .pytorch),
    ("list.pt", .pytorch), ("stored.npz", .npz), ("compressed.npz", .npz), ("fortran.npy", .npy),
    ("sharded-safetensors", .safetensors), ("sharded-bin", .pytorch),
  ])
  func readsWhatOthersWrite(name: String, format: CheckpointFormat) throws {
    let checkpoint = try Checkpoint(contentsOf: Self.file(name))
    #expect(checkpoint.format == format)
    try compare(checkpoint, with: name)
  }

  @Test func readsTheMemoryOfAFile() throws {
    for name in ["zip.pt", "legacy.pt", "compressed.npz"] {
      let data = [UInt8](try Data(contentsOf: URL(filePath: Self.file(name))))
      let storage = HostStorage(count: data.count) { $0.copyBytes(from: data) }
      try compare(try Checkpoint(storage, name: name), with: name)
    }
  }

  @Test func namesAreThoseOfTheStateDictInItsOrder() throws {
    let checkpoint = try Checkpoint(contentsOf: Self.file("training.pt"))
    #expect(checkpoint.entries.first?.name == "0.weight")
    #expect(checkpoint.entries.last?.name == "3.bias")
    #expect(checkpoint.metadata["epoch"] == "3" && checkpoint.metadata["arch"] == "resnet")
    #expect(checkpoint.notes.contains { $0.contains("'module.'") })
  }

  @Test func readsThePartThatIsNamed() throws {
    let path = Self.file("several.pt")
    try compare(try Checkpoint(contentsOf: path + "::teacher"), with: "several.pt")
    try compare(try Checkpoint(contentsOf: path + "::student.backbone"), with: "several.pt")
    try compare(try Checkpoint(contentsOf: path, key: "student"), with: "several.pt", prefix: "backbone.")
    let all = try Checkpoint(contentsOf: path, key: ".")
    #expect(all.entry("teacher.0.weight") != nil && all.entry("student.backbone.0.weight") != nil)
    #expect(all.entries.count == 2 * (Self.expected["several.pt"]?.count ?? 0))
  }

  @Test func asksWhichPartWhenThereAreSeveral() {
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(contentsOf: Self.file("several.pt")) }
    #expect(error?.code == .noStateDict)
    #expect(error?.description.contains("student, teacher") == true)
    #expect(code { try Checkpoint(contentsOf: Self.file("several.pt"), key: "nothing") } == .noSuchKey)
    #expect(code { try Checkpoint(contentsOf: Self.file("several.pt"), key: "teacher.x") } == .noSuchKey)
    #expect(code { try Checkpoint(contentsOf: Self.file("stored.npz"), key: "x") } == .noSuchKey)
  }

  @Test func tiedTensorsStayOneStorage() throws {
    for name in ["zip.pt", "legacy.pt", "big.pt"] {
      let checkpoint = try Checkpoint(contentsOf: Self.file(name))
      #expect(checkpoint.tiedNames == (name == "big.pt" ? [] : [["embedding", "head"]]))
    }
    let checkpoint = try Checkpoint(contentsOf: Self.file("zip.pt"))
    let (first, second) = (try checkpoint.tensor("embedding"), try checkpoint.tensor("head"))
    #expect(first.storage === second.storage && first.byteOffset == second.byteOffset)
  }

  @Test func storedTensorsAreViewsOfTheFile() throws {
    let checkpoint = try Checkpoint(contentsOf: Self.file("zip.pt"))
    #expect(try checkpoint.tensor("float").storage === checkpoint.tensor("double").storage)
    #expect(try checkpoint.tensor("float").storage !== checkpoint.tensor("transposed").storage)
  }

  @Test(arguments: ["zip.pt", "legacy.pt", "deflated.pt", "big.pt", "compressed.npz", "stored.npz"])
  func anyPartReadsAsTheWhole(name: String) throws {
    let checkpoint = try Checkpoint(contentsOf: Self.file(name))
    for entry in checkpoint.entries {
      let whole = try checkpoint.tensor(entry.name).withUnsafeBytes { Array($0) }
      for lower in 0...entry.count {
        for upper in Set([lower, (lower + entry.count) / 2, entry.count]) where upper >= lower {
          var part = [UInt8](repeating: 0, count: (upper - lower) * entry.dtype.size)
          try part.withUnsafeMutableBytes { try checkpoint.read(entry, elements: lower..<upper, into: $0) }
          #expect(part == Array(whole[lower * entry.dtype.size..<upper * entry.dtype.size]))
        }
      }
    }
  }

  @Test(
    arguments: [
      ("sparse.pt", .unsupported, "sparse"), ("quantized.pt", .unsupported, "quantized"),
      ("complex.pt", .unknownDType, "Complex"), ("uint16.pt", .unknownDType, "uint16"),
      ("script.pt", .unsupported, "TorchScript"), ("objects.npy", .unsafePickle, "objects"),
      ("objects.npz", .unsafePickle, "objects"), ("complex.npy", .unknownDType, "c8"),
      ("structured.npy", .unknownDType, "structured"),
    ] as [(String, CheckpointError.Code, String)])
  func saysWhatItDoesNotRead(name: String, expected: CheckpointError.Code, word: String) {
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(contentsOf: Self.file(name)) }
    #expect(error?.code == expected)
    #expect(error?.description.contains(word) == true, "\(error?.description ?? "")")
  }

  private func compare(_ checkpoint: Checkpoint, with name: String, prefix: String = "") throws {
    let expected = try #require(Self.expected[name])
    #expect(Set(checkpoint.entries.map(\.name)) == Set(expected.keys.map { prefix + $0 }))
    for (key, tensor) in expected {
      let found = try checkpoint.tensor(prefix + key)
      #expect(found.dtype.name == tensor.dtype, "\(key)")
      #expect(found.shape == tensor.shape, "\(key)")
      #expect(found.doubles() == tensor.values, "\(key)")
    }
  }
}

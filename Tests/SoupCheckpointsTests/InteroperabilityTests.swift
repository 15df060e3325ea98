import Foundation
import SoupCheckpoints
import SoupTensors
import Testing

/// Files that PyTorch and the safetensors package wrote (Tools/reference_checkpoints.py).
@Suite struct InteroperabilityTests {
  struct Expected: Decodable {
    let dtype: String
    let shape: [Int]
    let values: [Double]
  }

  @Test func readsEveryDTypeThatPyTorchWrites() throws {
    let checkpoint = try Checkpoint(contentsOf: fixture("checkpoints/pytorch.safetensors"))
    let expected = try JSONDecoder().decode(
      [String: Expected].self, from: Data(contentsOf: URL(filePath: fixture("checkpoints/pytorch.json"))))
    #expect(Set(checkpoint.entries.map(\.name)) == Set(expected.keys))
    for (name, tensor) in expected {
      let found = try checkpoint.tensor(name)
      #expect(found.dtype.name == tensor.dtype)
      #expect(found.shape == tensor.shape)
      #expect(found.doubles() == tensor.values, "\(name)")
    }
    #expect(Set(expected.values.map(\.dtype)) == Set(DType.allCases.map(\.name)))
    #expect(checkpoint.metadata == ["format": "pt", "note": "line\nbreak ☃ \"q\""])
  }

  @Test func readsPartsWithoutTheMapping() throws {
    let checkpoint = try Checkpoint(contentsOf: fixture("checkpoints/pytorch.safetensors"))
    let entry = try #require(checkpoint.entry("float"))
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 20, alignment: 4)
    defer { memory.deallocate() }
    try checkpoint.read(entry, elements: 3..<8, into: memory)
    #expect(Array(memory.bindMemory(to: Float.self)) == Array(try checkpoint.tensor("float").floats()[3..<8]))
  }

  @Test func namesTheTensorThatIsNotThere() throws {
    let checkpoint = try Checkpoint(contentsOf: fixture("checkpoints/pytorch.safetensors"))
    #expect(checkpoint.entry("nothing") == nil)
    #expect(code { try checkpoint.tensor("nothing") } == .noSuchTensor)
  }

  @Test func viewsOutliveTheCheckpoint() throws {
    func view() throws -> HostTensor {
      try Checkpoint(contentsOf: fixture("checkpoints/pytorch.safetensors")).tensor("int")
    }
    #expect(try view().doubles() == [-2_147_483_648, 2_147_483_647])
  }
}

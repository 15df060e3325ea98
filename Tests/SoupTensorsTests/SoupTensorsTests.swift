import SoupTensors
import Testing

@Suite struct StateDictTests {
  @Test func keepsOrderAndRefusesDuplicates() throws {
    var dict = StateDict()
    try dict.add("b", HostTensor(floats: [1, 2], shape: [2]))
    try dict.add("a", HostTensor(floats: [3], shape: []))
    #expect(dict.names == ["b", "a"])
    #expect(throws: TensorError.duplicateName("a")) { try dict.add("a", HostTensor(floats: [1], shape: [1])) }
    dict["b"] = nil
    #expect(dict.names == ["a"])
  }
}

@Suite struct HostTensorTests {
  @Test func refusesShapesThatDoNotFit() throws {
    let storage = HostStorage(count: 8) { _ in }
    #expect(throws: TensorError.self) { try HostTensor(dtype: .float32, shape: [3], storage: storage) }
    #expect(throws: TensorError.self) {
      try HostTensor(dtype: .float32, shape: [Int.max, 2], storage: storage)
    }
    #expect(throws: TensorError.self) { try HostTensor(dtype: .uint8, shape: [1], storage: storage, byteOffset: -1) }
    #expect(throws: TensorError.self) { try HostTensor(dtype: .uint8, shape: [-1], storage: storage) }
  }

  /// Bit patterns and values from IEEE 754, the OCP 8-bit floating point specification, and the bfloat16 definition.
  @Test(arguments: [
    (DType.float16, [0x00, 0x3c, 0x01, 0x00, 0xff, 0x7b], [1, 5.9604645e-08, 65504]),
    (DType.bfloat16, [0x80, 0x3f, 0x49, 0x40, 0x00, 0x80], [1, 3.140625, -0.0]),
    (DType.float8E4M3, [0x38, 0x01, 0x7e, 0x81], [1, 0.001953125, 448, -0.001953125]),
    (DType.float8E5M2, [0x3c, 0x01, 0x7b], [1, 1.52587890625e-05, 57344]),
    (DType.bool, [0, 1, 2], [0, 1, 1]),
  ])
  func convertsStoredBits(dtype: DType, bytes: [UInt8], expected: [Float]) throws {
    let tensor = try HostTensor(dtype: dtype, shape: [expected.count]) { $0.copyBytes(from: bytes) }
    #expect(tensor.floats() == expected)
    #expect(tensor.doubles() == expected.map(Double.init))
  }
}

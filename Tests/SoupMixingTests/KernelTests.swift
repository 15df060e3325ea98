import CKernels
import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

/// The loops in C, on every instruction set that this machine has.
@Suite struct KernelTests {
  static let levels = [CK_BASELINE, CK_AVX2, CK_AVX512].filter { ck_level_supported($0) != 0 }
  static let floats: [DType] = DType.allCases.filter(\.isFloatingPoint)

  /// Bit patterns from exact fractions and PyTorch (Tools/reference_checkpoints.py).
  @Test(arguments: levels, [DType.float16, .bfloat16, .float8E4M3, .float8E5M2])
  func everyValueIsRoundedOnceToNearestEven(level: ck_level, dtype: DType) throws {
    let file = try Checkpoint(contentsOf: fixture("checkpoints/rounding.safetensors"))
    let values = try file.tensor("values")
    let expected = try file.tensor(dtype.name).bytes
    #expect(try sum([values], [1], to: dtype, level: level) == expected)
  }

  @Test(arguments: levels) func allFloat16AreRead(level: ck_level) throws {
    let patterns = (0...UInt16.max).map { $0 }
    let halves = try HostTensor(dtype: .float16, shape: [65536]) { target in
      patterns.withUnsafeBytes { target.copyMemory(from: $0) }
    }
    let singles = try sum([halves], [1], to: .float32, level: level).withUnsafeBytes {
      Array($0.bindMemory(to: Float.self))
    }
    for (pattern, value) in zip(patterns, singles) {
      let (exponent, mantissa) = (Int(pattern >> 10) & 31, Double(pattern & 1023))
      let sign = pattern >> 15 == 1 ? -1.0 : 1.0
      if exponent == 31 {
        #expect(mantissa == 0 ? Double(value) == sign * .infinity : value.isNaN)
      } else {
        // IEEE 754: (1 + m/1024) 2^(e-15), and m/1024 2^-14 where e is 0.
        let scale = Double(sign: .plus, exponent: max(exponent, 1) - 15, significand: 1)
        #expect(Double(value) == sign * ((exponent == 0 ? 0 : 1) + mantissa / 1024) * scale)
        #expect(value.sign == (sign < 0 ? .minus : .plus))
      }
    }
  }

  @Test(arguments: floats, floats) func everyInstructionSetGivesTheSameBytes(source: DType, target: DType) throws {
    var numbers = Numbers(seed: 3)
    let inputs = try (0..<5).map { _ in
      try HostTensor(floats: numbers.anyFloats(5003), shape: [5003]).converted(to: source)
    }
    let weights = [0.3, -1.1, 7, 1e-3, 0.25]
    let reference = try sum(inputs, weights, divisor: 3, to: target, level: CK_BASELINE)
    for level in Self.levels {
      #expect(try sum(inputs, weights, divisor: 3, to: target, level: level) == reference)
      for n in [0, 1, 7, 15, 16, 17, 1023, 1025] {
        let part = try sum(inputs, weights, divisor: 3, to: target, level: level, count: n)
        #expect(part == Array(reference[..<(n * target.size)]))
      }
    }
  }

  /// 1e16 + 1 - 1e16 is 1; in plain Float64 it is 0.
  @Test(arguments: levels) func float64IsSummedInTwiceThePrecision(level: ck_level) throws {
    let inputs = try [1e16, 1, -1e16, 1e-20].map { try HostTensor(doubles: [$0], shape: [1]) }
    let bytes = try sum(inputs, [1, 1, 1, 1], divisor: 3, to: .float64, level: level)
    #expect(bytes.withUnsafeBytes { $0.load(as: Double.self) } == 1.0 / 3)
  }

  @Test(arguments: levels) func countsWhatIsNotFinite(level: ck_level) throws {
    let tensor = try HostTensor(doubles: [1, .nan, .infinity, -1e39, 70_000, 500, -465], shape: [7])
    let expected: [(DType, Int)] = [
      (.float64, 2), (.float32, 3), (.bfloat16, 3), (.float16, 4), (.float8E5M2, 4), (.float8E4M3, 6),
    ]
    for (dtype, count) in expected {
      var bad = 0
      _ = try sum([tensor], [1], to: dtype, level: level, bad: &bad)
      #expect(bad == count, "\(dtype)")
    }
  }

  @Test func aLevelOfThisMachineIsChosen() {
    #expect(Self.levels.contains(ck_best_level()))
    #expect(!String(cString: ck_level_name(ck_best_level())).isEmpty)
  }

  private func sum(
    _ inputs: [HostTensor], _ weights: [Double], divisor: Double = 1, to dtype: DType, level: ck_level,
    count: Int? = nil
  ) throws -> [UInt8] {
    var bad = 0
    return try sum(inputs, weights, divisor: divisor, to: dtype, level: level, count: count, bad: &bad)
  }

  private func sum(
    _ inputs: [HostTensor], _ weights: [Double], divisor: Double = 1, to dtype: DType, level: ck_level,
    count: Int? = nil, bad: inout Int
  ) throws -> [UInt8] {
    let n = count ?? inputs[0].count
    // One byte off, because tensors in files may be.
    let copies = inputs.map { tensor in
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: tensor.byteCount + 1, alignment: 64)
      tensor.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: memory[1...]).copyMemory(from: $0) }
      return memory
    }
    defer { for memory in copies { memory.deallocate() } }
    var output = [UInt8](repeating: 0xAA, count: n * dtype.size)
    let pointers = copies.map { UnsafeRawPointer($0.baseAddress! + 1) as UnsafeRawPointer? }
    bad = output.withUnsafeMutableBytes {
      ck_weighted_sum(
        level, inputs.count, pointers, inputs.map(\.dtype.kernelCode), weights, divisor, $0.baseAddress,
        dtype.kernelCode, n)
    }
    return output
  }
}

import Foundation
import SoupCheckpoints
import SoupTensors

/// Numbers for tests: the same on every machine (SplitMix64).
struct Numbers: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Finite floats of every magnitude, from random bits.
  mutating func anyFloats(_ count: Int) -> [Float] {
    (0..<count).map { _ in
      while true {
        let value = Float(bitPattern: UInt32(truncatingIfNeeded: next()))
        if value.isFinite { return value }
      }
    }
  }

  /// Uniform in -1 ..< 1, like weights.
  mutating func floats(_ count: Int) -> [Float] { (0..<count).map { _ in Float.random(in: -1..<1, using: &self) } }
}

extension TemporaryFolder {
  /// Writes a checkpoint and returns its path.
  @discardableResult
  func write(_ name: String, _ pairs: [(String, HostTensor)], metadata: [String: String] = [:]) throws -> String {
    try CheckpointWriter.write(StateDict(pairs, metadata: metadata), to: self[name])
    return self[name]
  }

  /// A small network-like checkpoint: odd sizes, a counter, several blocks in the largest tensor.
  func network(_ name: String, seed: UInt64, dtype: DType = .float32, counter: Int64? = nil) throws -> String {
    var numbers = Numbers(seed: seed)
    var pairs: [(String, HostTensor)] = []
    for (name, shape) in [("conv.weight", [7, 3, 3, 3]), ("big", [311, 1009]), ("bias", [5]), ("scalar", [])] {
      let floats = try HostTensor(floats: numbers.floats(shape.reduce(1, *)), shape: shape)
      pairs.append((name, try floats.converted(to: dtype)))
    }
    pairs.append(("bn.num_batches_tracked", try HostTensor(integers: [counter ?? Int64(seed)], shape: [])))
    return try write(name, pairs)
  }
}

extension HostTensor {
  var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

  /// For the dtypes whose conversion Swift itself has, or that is a cut: enough to make ingredients.
  func converted(to dtype: DType) throws -> HostTensor {
    let values = floats()
    switch dtype {
    case .float64: return try HostTensor(doubles: values.map(Double.init), shape: shape)
    case .bfloat16:
      let cut = values.map { UInt16(truncatingIfNeeded: $0.bitPattern >> 16) }
      return try HostTensor(dtype: dtype, shape: shape) { target in cut.withUnsafeBytes { target.copyMemory(from: $0) }
      }
    case .float8E4M3, .float8E5M2:
      // Any finite bit pattern.
      let small = values.map { UInt8(truncatingIfNeeded: $0.bitPattern) & 0xbf }
      return try HostTensor(dtype: dtype, shape: shape) { $0.copyBytes(from: small) }
    case .float16:
      let small = values.map { UInt16(truncatingIfNeeded: $0.bitPattern) & 0xbfff }
      return try HostTensor(dtype: dtype, shape: shape) { target in
        small.withUnsafeBytes { target.copyMemory(from: $0) }
      }
    default: return self
    }
  }
}

extension StateDict {
  /// Everything about it, to compare.
  var contents: [String: [UInt8]] {
    Dictionary(uniqueKeysWithValues: map { ("\($0.name) \($0.tensor.dtype) \($0.tensor.shape)", $0.tensor.bytes) })
  }
}

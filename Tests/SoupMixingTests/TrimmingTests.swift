import CKernels
import Foundation
import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

/// Which elements TIES and breadcrumbs keep is exact, whatever the values look like and however it is found.
@Suite struct TrimmingTests {
  /// Values that a sample represents well, badly, or not at all.
  enum Kind: String, CaseIterable, Sendable {
    case uniform, fewValues, mostlyZero, equal, ascending, piecesOfOwnScale, oneLoudPiece, withNaN
  }

  private static func values(_ kind: Kind, _ count: Int) -> [Float] {
    var numbers = Numbers(seed: 11)
    var values = numbers.floats(count)
    switch kind {
    case .uniform: break
    case .fewValues: values = values.map { ($0 * 9).rounded() / 64 }
    case .mostlyZero: values = values.map { $0 > 0.7 ? $0 : 0 }
    case .equal: values = Array(repeating: -0.25, count: count)
    case .ascending: values = (0..<count).map { Float($0) - Float(count) / 3 }
    case .piecesOfOwnScale:
      for index in values.indices {
        values[index] *= Float(sign: .plus, exponent: (index / 256 * 37) % 61 - 30, significand: 1)
      }
    case .oneLoudPiece: for index in 0..<min(count, 2000) { values[index] *= 1e6 }
    case .withNaN: for index in stride(from: 0, to: count, by: 97) { values[index] = index % 2 == 0 ? .nan : .infinity }
    }
    return values
  }

  private static func key(_ value: Float) -> UInt32 { value.magnitude.bitPattern & 0x7fff_ffff }

  @Test(arguments: Kind.allCases, [1, 2000, 66_000, 300_000])
  func keepsWhatASortWouldKeep(kind: Kind, count: Int) throws {
    let folder = try TemporaryFolder()
    let values = Self.values(kind, count)
    let base = try folder.write("base", [("x", HostTensor(floats: Array(repeating: 0, count: count), shape: [count]))])
    let model = try folder.write("model", [("x", HostTensor(floats: values, shape: [count]))])
    let order = values.map(Self.key).sorted()
    for (method, density) in [(MethodName.ties, 0.5), (.ties, 0.03), (.breadcrumbsTies, 0.6)] {
      var parameters: [String: Setting] = ["weight": 1, "density": Setting(density)]
      if method == .breadcrumbsTies { parameters["gamma"] = 0.1 }
      let soup = try Mixer(threads: 3).mix(
        .named(method, [Recipe.Ingredient(model)], base: base, parameters: parameters))
      let kept = max(1, Int(density * Double(count)))
      let top = method == .ties ? 0 : min(Int(0.1 * Double(count)), count - kept)
      let (low, high) = (order[count - top - kept], order[count - top - 1])
      let expected = values.map { value in
        // NaN cannot be compared with a bound and stays.
        value.isNaN || (low...high).contains(Self.key(value)) ? value : 0
      }
      let found = try #require(soup["x"]).floats()
      let differing = zip(found, expected).filter { $0 != $1 && !($0.isNaN && $1.isNaN) }
      #expect(differing.isEmpty, "\(method) \(density): \(differing.count) of \(count) elements")
    }
  }

  @Test(arguments: KernelTests.levels) func splitsCountAndListEveryMagnitude(level: ck_level) {
    for kind in Kind.allCases {
      for count in [0, 1, 15, 16, 17, 1000] {
        let values = Self.values(kind, max(count, 1))
        let keys = values.map(Self.key).sorted()
        let (low, high) = (keys[keys.count / 4], keys[keys.count * 2 / 3])
        var counts = ck_split_counts()
        var between = [UInt32](repeating: 0, count: count + CK_SPLIT_SLACK)
        let kept = ck_split_magnitudes(level, values, low, high, &counts, &between, count)
        let all = values[..<count].map(Self.key)
        #expect(Int(counts.below) == all.count { $0 < low } && Int(counts.at_low) == all.count { $0 == low })
        #expect(Int(counts.at_high) == all.count { $0 == high } && Int(counts.between) == kept)
        #expect(Array(between[..<kept]) == all.filter { $0 > low && $0 < high })
      }
    }
  }

  @Test func selectsTheKeyThatASortWouldPutThere() {
    for kind in Kind.allCases {
      let keys = Self.values(kind, 3001).map(Self.key)
      let order = keys.sorted()
      for place in [0, 1, 1500, 2999, 3000] {
        var work = keys
        #expect(ck_select_key(&work, work.count, place) == order[place])
      }
    }
  }

  @Test(arguments: [DType.float32, .float16, .bfloat16, .float8E4M3, .float8E5M2])
  func everyInstructionSetElectsAndMultipliesAlike(dtype: DType) throws {
    var numbers = Numbers(seed: 5)
    let n = 1003
    let tensors = try (0..<6).map { _ in try HostTensor(floats: numbers.floats(n), shape: [n]).converted(to: dtype) }
    var results: [[UInt8]] = []
    var products: [[Double]] = []
    for level in KernelTests.levels {
      var output = [UInt8](repeating: 0, count: n * dtype.size)
      try withBytes(tensors) { sources in
        let terms = sources.dropFirst().enumerated().map { index, source in
          ck_term(
            dtype: dtype.kernelCode, source: source, low: 0.2, high: 1.5, factor: 1.25,
            weight: 0.3 - 0.2 * Double(index))
        }
        _ = ck_merge_elected(
          level, terms, terms.count, dtype.kernelCode, sources[0], 0.7, 1, dtype.kernelCode, &output, n)
      }
      results.append(output)
      let vectors = tensors.map { tensor in
        let vector = UnsafeMutablePointer<Float>.allocate(capacity: n)
        tensor.withUnsafeBytes { ck_load_f32(level, dtype.kernelCode, $0.baseAddress, vector, n) }
        return vector
      }
      defer { for vector in vectors { vector.deallocate() } }
      var sums = [Double](repeating: 0, count: 21)
      ck_add_gram(level, vectors.map { UnsafePointer($0) }, 6, &sums, n)
      products.append(sums)
      let doubles = tensors.map { $0.doubles() }
      let expected = (0..<6).flatMap { i in (i..<6).map { j in ck_dot(level, doubles[i], doubles[j], n) } }
      #expect(sums == expected)
    }
    #expect(results.allSatisfy { $0 == results[0] } && products.allSatisfy { $0 == products[0] })
  }

  private func withBytes(_ tensors: [HostTensor], _ body: ([UnsafeRawPointer?]) throws -> Void) rethrows {
    let copies = tensors.map { tensor in tensor.withUnsafeBytes { Array($0) } }
    let memory = copies.map { bytes in
      let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
      copy.copyBytes(from: bytes)
      return copy
    }
    defer { for copy in memory { copy.deallocate() } }
    try body(memory.map { UnsafeRawPointer($0.baseAddress) })
  }
}

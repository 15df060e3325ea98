import CKernels
import SoupCheckpoints
import SoupTensors
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How two checkpoints differ, tensor by tensor.
///
/// ```swift
/// let diff = try CheckpointDiff(comparing: "zero-shot.safetensors", with: "tuned.safetensors")
/// print(diff.total.distance)
/// ```
public struct CheckpointDiff: Codable, Sendable, Equatable {
  /// A tensor that both have, but in different shapes.
  public struct ShapeChange: Codable, Sendable, Equatable {
    public let name: String
    public let shapeA: [Int]
    public let shapeB: [Int]

    public init(name: String, shapeA: [Int], shapeB: [Int]) {
      self.name = name
      self.shapeA = shapeA
      self.shapeB = shapeB
    }
  }

  /// Every tensor that can be compared, in the order of the first file.
  public let tensors: [TensorDifference]
  /// All of them as one vector. Its name is empty, its shape the number of elements.
  public let total: TensorDifference
  /// Names that only the first file has.
  public let onlyInA: [String]
  /// Names that only the second file has.
  public let onlyInB: [String]
  public let reshaped: [ShapeChange]
  /// With a base: compared tensors that it lacks or has in another shape; their task vectors are left out.
  public let notInBase: [String]
  /// Bytes of tensors that were read.
  public let bytes: Int

  /// Whether both have the same names, shapes and values, whatever the dtypes.
  public var isEmpty: Bool { onlyInA.isEmpty && onlyInB.isEmpty && reshaped.isEmpty && total.changed == 0 }

  /// Reads both files, and the base, once, a block at a time on every thread: memory does not grow with the models, and
  /// the numbers are the same for any number of threads.
  /// - Parameters:
  ///   - base: the checkpoint that both come from; adds the task vectors.
  ///   - threads: all cores by default.
  ///   - progress: called from several threads with the bytes done and the bytes in all.
  /// - Throws: `CheckpointError`.
  public init(
    comparing a: String, with b: String, base: String? = nil, threads: Int? = nil,
    progress: (@Sendable (Int, Int) -> Void)? = nil
  ) throws {
    try self.init(
      Checkpoint(contentsOf: a), Checkpoint(contentsOf: b), base: base.map { try Checkpoint(contentsOf: $0) },
      threads: threads, progress: progress)
  }

  /// Compares opened checkpoints.
  public init(
    _ a: Checkpoint, _ b: Checkpoint, base: Checkpoint? = nil, threads: Int? = nil,
    progress: (@Sendable (Int, Int) -> Void)? = nil
  ) throws {
    let names = Set(a.entries.map(\.name))
    onlyInA = a.entries.filter { b.entry($0.name) == nil }.map(\.name)
    onlyInB = b.entries.filter { !names.contains($0.name) }.map(\.name)
    var pairs: [Pair] = []
    var reshaped: [ShapeChange] = []
    var notInBase: [String] = []
    for entry in a.entries {
      guard let other = b.entry(entry.name) else { continue }
      guard entry.shape == other.shape else {
        reshaped.append(ShapeChange(name: entry.name, shapeA: entry.shape, shapeB: other.shape))
        continue
      }
      var root: TensorInfo?
      if let base {
        root = base.entry(entry.name).flatMap { $0.shape == entry.shape ? $0 : nil }
        if root == nil { notInBase.append(entry.name) }
      }
      pairs.append(Pair(a: entry, b: other, base: root))
    }
    (self.reshaped, self.notInBase) = (reshaped, notInBase)
    let total = pairs.reduce(0) { $0 + $1.bytesPerElement * $1.a.count }
    bytes = total

    let sums = try Self.sums(
      pairs, a, b, base, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount,
      progress: { progress?($0, total) })
    tensors = zip(pairs, sums).map { pair, sum in
      TensorDifference(
        name: pair.a.name, shape: pair.a.shape, dtypeA: pair.a.dtype.name, dtypeB: pair.b.dtype.name, sums: sum,
        hasBase: pair.base != nil)
    }
    var all = ck_comparison()
    for var sum in sums { ck_comparison_append(&all, &sum) }
    self.total = TensorDifference(
      name: "", shape: [all.elements], dtypeA: Self.common(pairs.map(\.a)), dtypeB: Self.common(pairs.map(\.b)),
      sums: all, hasBase: pairs.contains { $0.base != nil })
  }

  private struct Pair: Sendable {
    let a: TensorInfo
    let b: TensorInfo
    let base: TensorInfo?
    var bytesPerElement: Int { a.dtype.size + b.dtype.size + (base?.dtype.size ?? 0) }
  }

  /// Elements of one block: three Float64 tensors' worth stay in a core's second-level cache.
  private static let blockElements = 1 << 15

  private static func sums(
    _ pairs: [Pair], _ a: Checkpoint, _ b: Checkpoint, _ base: Checkpoint?, threads: Int,
    progress: @Sendable (Int) -> Void
  ) throws -> [ck_comparison] {
    var pieces: [(pair: Int, elements: Range<Int>)] = []
    for (index, pair) in pairs.enumerated() {
      for lower in stride(from: 0, to: pair.a.count, by: blockElements) {
        pieces.append((index, lower..<min(lower + blockElements, pair.a.count)))
      }
    }
    let work = pieces
    let level = ck_best_level()
    // One sum for each block, added up afterwards in file order: the same rounding for any number of threads.
    let results = Mutex((sums: [ck_comparison](repeating: ck_comparison(), count: work.count), bytes: 0))
    try WorkQueue(threads: threads).run(work.count) {
      ReadBuffer(byteCount: blockElements * 8 * 3)
    } body: { index, buffer in
      let (pair, elements) = (pairs[work[index].pair], work[index].elements)
      func load(_ checkpoint: Checkpoint, _ entry: TensorInfo, _ part: Int) throws -> UnsafeRawPointer? {
        let target = buffer.part(part, of: 3, byteCount: elements.count * entry.dtype.size)
        try checkpoint.read(entry, elements: elements, into: target)
        return UnsafeRawPointer(target.baseAddress)
      }
      var sum = ck_comparison()
      let root = try base.flatMap { base in try pair.base.flatMap { try load(base, $0, 2) } }
      ck_compare(
        level, pair.a.dtype.kernelCode, try load(a, pair.a, 0), pair.b.dtype.kernelCode, try load(b, pair.b, 1),
        pair.base?.dtype.kernelCode ?? CK_F64, root, elements.count, &sum)
      let done = results.withLock { results in
        results.sums[index] = sum
        results.bytes += pair.bytesPerElement * elements.count
        return results.bytes
      }
      progress(done)
    }
    var sums = [ck_comparison](repeating: ck_comparison(), count: pairs.count)
    for (piece, var sum) in zip(work, results.withLock { $0.sums }) {
      ck_comparison_append(&sums[piece.pair], &sum)
    }
    return sums
  }

  /// The dtype of all entries, or "mixed".
  private static func common(_ entries: [TensorInfo]) -> String {
    let dtypes = Set(entries.map(\.dtype))
    return dtypes.count == 1 ? dtypes.first?.name ?? "" : dtypes.isEmpty ? "none" : "mixed"
  }
}

import CKernels
import SoupCheckpoints
import SoupTensors

/// What one thread of a `GramPass` works in: a block of every model as Float32, a tile of differences, planes of their signs.
final class GramWorkspace {
  /// Floats from one model's block to the next: not a power of two, so that rows do not share cache sets.
  let rowStride: Int
  /// Words from one model's plane to the next.
  let wordStride: Int
  private let rows: UnsafeMutablePointer<Float>
  private let tiles: UnsafeMutablePointer<Float>
  private let planes: UnsafeMutablePointer<UInt64>
  private let models: Int
  private let stored: ReadBuffer

  private static func tileRows(_ models: Int) -> Int {
    (models + Int(CK_GRAM_ROWS)) / Int(CK_GRAM_ROWS) * Int(CK_GRAM_ROWS)
  }
  private static func stride(_ elements: Int) -> Int { elements + GramPass.tileElements + 16 }

  static func byteCount(models: Int, elements: Int) -> Int {
    4 * (models + 1) * stride(elements) + 4 * tileRows(models) * GramPass.tileElements + 16 * models * elements / 64
      + 8 * elements
  }

  init(models: Int, elements: Int) {
    self.models = models
    rowStride = Self.stride(elements)
    wordStride = elements / 64
    rows = Self.zeros((models + 1) * rowStride)
    tiles = Self.zeros(Self.tileRows(models) * GramPass.tileElements)
    planes = .allocate(capacity: 2 * models * wordStride)
    planes.initialize(repeating: 0, count: 2 * models * wordStride)
    stored = ReadBuffer(byteCount: 8 * elements)
  }

  deinit {
    rows.deallocate()
    tiles.deallocate()
    planes.deallocate()
  }

  private static func zeros(_ count: Int) -> UnsafeMutablePointer<Float> {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: count * 4, alignment: 64)
      .bindMemory(to: Float.self, capacity: count)
    memory.initialize(repeating: 0, count: count)
    return memory
  }

  func row(_ index: Int) -> UnsafeMutablePointer<Float> { rows + index * rowStride }
  func tile(_ index: Int) -> UnsafeMutablePointer<Float> { tiles + index * GramPass.tileElements }
  func negative(_ index: Int) -> UnsafeMutablePointer<UInt64> { planes + index * wordStride }
  func nonzero(_ index: Int) -> UnsafeMutablePointer<UInt64> { planes + (models + index) * wordStride }

  /// Fills a row with elements, and with zeros up to the next multiple of 64.
  func read(_ checkpoint: Checkpoint, _ info: TensorInfo, _ elements: Range<Int>, row index: Int) throws {
    let target = row(index)
    let count = elements.count
    if info.dtype == .float32 {
      try checkpoint.read(
        info, elements: elements, into: UnsafeMutableRawBufferPointer(start: target, count: count * 4))
    } else {
      let bytes = stored.part(byteCount: count * info.dtype.size)
      try checkpoint.read(info, elements: elements, into: bytes)
      if info.dtype.isFloatingPoint && info.dtype != .float64 {
        ck_load_f32(ck_best_level(), info.dtype.kernelCode, bytes.baseAddress, target, count)
      } else {
        ck_to_f32(info.dtype.kernelCode, bytes.baseAddress, target, count)
      }
    }
    (target + count).update(repeating: 0, count: (count + 63) / 64 * 64 - count)
  }

  /// Makes elements zero in every row where one row is NaN or infinite.
  func leaveOutNonFinite(rows count: Int, _ elements: Int, _ level: ck_level, _ sums: inout GramSums) {
    let broken = (0..<count).filter { ck_is_finite(level, row($0), elements) == 0 }
    guard !broken.isEmpty else { return }
    for k in 0..<elements {
      var isBroken = false
      for index in broken where !row(index)[k].isFinite {
        sums.notFinite[index] += 1
        isBroken = true
      }
      guard isBroken else { continue }
      sums.skipped += 1
      for index in 0..<count { row(index)[k] = 0 }
    }
  }
}

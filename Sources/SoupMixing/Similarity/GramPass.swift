import CKernels
import SoupCheckpoints
import SoupTensors
import Synchronization

/// One reading of all checkpoints, block by block, that sums `GramSums`.
///
/// A block of every model is in memory at once, as Float32, and every pair is multiplied while it is in the cache: each file is read
/// once, however many pairs there are. Blocks are added in a fixed order, so that the sums are the same for any number of threads.
struct GramPass: Sendable {
  let checkpoints: [Checkpoint]
  let base: Checkpoint?
  let tensors: [ComparedTensors.Tensor]
  let threads: Int
  let blockElements: Int
  /// Pairs whose distance is summed directly.
  var direct: [(Int, Int)] = []
  /// Whether inner products and signs are summed too.
  var sumsProducts = true

  /// Elements multiplied between two additions in double.
  static let tileElements = 1024
  private static let largestBlock = 8192

  /// Chooses threads and blocks so that the work stays within a limit.
  /// - Throws: `MixError.Code.memory` with the least that would do.
  init(
    _ checkpoints: [Checkpoint], base: Checkpoint?, tensors: [ComparedTensors.Tensor], threads: Int, limit: Int
  ) throws(MixError) {
    let n = checkpoints.count
    // Headers, plan, results of all pairs; a triangle for every thread, one under way and the total.
    let fixed = 16_000_000 + checkpoints.reduce(0) { $0 + $1.entries.count } * 600 + n * n * 64
    let triangle = (n + 2) * (n + 2) / 2 * (base == nil ? 16 : 32)
    func bytes(_ threads: Int, _ elements: Int) -> Int {
      fixed + triangle + threads * (GramWorkspace.byteCount(models: n, elements: elements) + 2 * triangle)
    }
    var (threads, elements) = (threads, Self.largestBlock)
    while bytes(threads, elements) > limit, elements > Self.tileElements { elements /= 2 }
    while bytes(threads, elements) > limit, threads > 1 { threads -= 1 }
    let least = bytes(1, Self.tileElements)
    guard least <= limit else {
      throw MixError(
        .memory,
        "comparing \(n) checkpoints needs at least \(least) bytes of memory, but only \(limit) are allowed; give "
          + "--max-memory \((least + 999_999) / 1_000_000)MB or more")
    }
    (self.checkpoints, self.base, self.tensors) = (checkpoints, base, tensors)
    (self.threads, blockElements) = (threads, elements)
  }

  struct Block: Sendable {
    let tensor: Int
    let elements: Range<Int>
  }

  /// All elements.
  var blocks: [Block] {
    tensors.indices.flatMap { index in
      stride(from: 0, to: tensors[index].count, by: blockElements).map {
        Block(tensor: index, elements: $0..<min($0 + blockElements, tensors[index].count))
      }
    }
  }

  /// Some tiles from everywhere, to see which models are close.
  var sample: [Block] {
    let all = blocks
    let step = max(1, all.count / 64)
    return stride(from: 0, to: all.count, by: step).map {
      Block(tensor: all[$0].tensor, elements: all[$0].elements.prefix(Self.tileElements))
    }
  }

  func bytes(_ block: Block) -> Int {
    let tensor = tensors[block.tensor]
    return block.elements.count * (tensor.infos.reduce(0) { $0 + $1.dtype.size } + (tensor.base?.dtype.size ?? 0))
  }

  /// - Parameter progress: called from several threads with the bytes that were read since the last call.
  func run(_ blocks: [Block], progress: @Sendable (Int) -> Void) throws -> GramSums {
    let pieces = Self.pieces(blocks)
    let level = ck_best_level()
    let empty = GramSums(models: checkpoints.count, hasBase: base != nil, direct: direct.count)
    let total = Mutex((sums: empty, next: 0, waiting: [Int: GramSums]()))
    try WorkQueue(threads: threads).run(pieces.count) {
      GramWorkspace(models: checkpoints.count, elements: blockElements)
    } body: { piece, workspace in
      var sums = empty
      for (position, block) in blocks[pieces[piece]].enumerated() {
        // The system reads ahead within a file by itself; where a tensor begins it cannot know.
        if position == 0 || block.elements.lowerBound == 0 { prefetch(block) }
        try read(block, into: workspace)
        add(block, of: workspace, to: &sums, level)
        progress(bytes(block))
      }
      total.withLock { total in
        total.waiting[piece] = sums
        while let ready = total.waiting.removeValue(forKey: total.next) {
          total.sums.add(ready)
          total.next += 1
        }
      }
    }
    return total.withLock { $0.sums }
  }

  /// Runs of blocks of about the same number of elements: enough for many cores, few enough for adding to cost nothing.
  private static func pieces(_ blocks: [Block]) -> [Range<Int>] {
    let elements = blocks.reduce(0) { $0 + $1.elements.count }
    let target = max(1, elements / 256)
    var pieces: [Range<Int>] = []
    var (start, sum) = (0, 0)
    for (index, block) in blocks.enumerated() {
      sum += block.elements.count
      if sum >= target || index == blocks.count - 1 {
        pieces.append(start..<index + 1)
        (start, sum) = (index + 1, 0)
      }
    }
    return pieces
  }

  private func prefetch(_ block: Block) {
    let tensor = tensors[block.tensor]
    let ahead = block.elements.lowerBound..<min(tensor.count, block.elements.lowerBound + 16 * blockElements)
    for (checkpoint, info) in zip(checkpoints, tensor.infos) { checkpoint.prefetch(info, elements: ahead) }
    if let base, let info = tensor.base { base.prefetch(info, elements: ahead) }
  }

  private func read(_ block: Block, into workspace: GramWorkspace) throws {
    let tensor = tensors[block.tensor]
    for (row, (checkpoint, info)) in zip(checkpoints, tensor.infos).enumerated() {
      try workspace.read(checkpoint, info, block.elements, row: row)
    }
    if let base, let info = tensor.base {
      try workspace.read(base, info, block.elements, row: checkpoints.count)
    }
  }

  private func add(_ block: Block, of workspace: GramWorkspace, to sums: inout GramSums, _ level: ck_level) {
    let models = checkpoints.count
    let count = (block.elements.count + 63) / 64 * 64
    workspace.leaveOutNonFinite(rows: models + (base == nil ? 0 : 1), count, level, &sums)
    for (index, pair) in direct.enumerated() {
      sums.direct[index] += ck_squared_distance(level, workspace.row(pair.0), workspace.row(pair.1), count)
    }
    guard sumsProducts else { return }
    for start in stride(from: 0, to: count, by: Self.tileElements) {
      let m = min(Self.tileElements, count - start)
      let reference = workspace.tile(models)
      if base == nil {
        ck_mean_of_rows(level, workspace.row(0) + start, models, workspace.rowStride, reference, m)
      } else {
        reference.update(from: workspace.row(models) + start, count: m)
      }
      for i in 0..<models {
        ck_subtract_f32(level, workspace.row(i) + start, reference, workspace.tile(i), m)
        if base != nil {
          ck_sign_planes(
            level, workspace.tile(i), workspace.negative(i) + start / 64, workspace.nonzero(i) + start / 64, m)
        }
      }
      sums.products.withUnsafeMutableBufferPointer {
        ck_add_row_products(level, workspace.tile(0), models + 1, Self.tileElements, m, $0.baseAddress)
      }
    }
    guard base != nil else { return }
    sums.both.withUnsafeMutableBufferPointer { both in
      sums.apart.withUnsafeMutableBufferPointer { apart in
        ck_add_sign_counts(
          level, workspace.negative(0), workspace.nonzero(0), models, workspace.wordStride, count / 64,
          both.baseAddress, apart.baseAddress)
      }
    }
  }
}

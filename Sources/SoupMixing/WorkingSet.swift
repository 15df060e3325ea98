import SoupCheckpoints

/// How a mix is cut so that its memory stays below a limit: how many threads, and how long their blocks.
struct WorkingSet: Sendable, Equatable {
  let threads: Int
  let blockElements: Int
  /// Anonymous memory in bytes, at most.
  let bytes: Int
  /// What a single allocation of one thread may take before it is spilled to a file.
  let allocationLimit: Int

  /// The bytes that one thread works on at a time, inputs and output together: they should stay in its cache.
  private static let cacheBytes = 1 << 20
  /// Of the program itself: code, tables, thread stacks.
  private static let programBytes = 16_000_000
  /// Of one tensor of one ingredient in opened headers and in the plan.
  private static let entryBytes = 600
  private static let smallestBlock = 1024

  /// - Throws: `MixError.Code.memory`, with the least that would do.
  init(_ plan: MixPlan, threads: Int, pieceElements: Int, limit: Int) throws {
    let needs = try Needs(plan)
    let wished = max(
      4096, Self.cacheBytes / (needs.ingredients + 1) / needs.widest / Self.smallestBlock * Self.smallestBlock)
    let largest = min(pieceElements, wished)
    var (threads, elements) = (threads, largest)
    while needs.bytes(threads, elements) > limit, elements > Self.smallestBlock { elements /= 2 }
    while needs.bytes(threads, elements) > limit, threads > 1 { threads -= 1 }
    let least = needs.bytes(1, Self.smallestBlock)
    guard least <= limit else {
      throw MixError(
        .memory,
        "mixing \(needs.ingredients) ingredients of \(plan.tensors.count) tensors needs at least \(least) bytes of "
          + "memory, but only \(limit) are allowed; give --max-memory \((least + 999_999) / 1_000_000)MB or more")
    }
    // Fewer threads may leave room for longer blocks.
    while elements < largest, needs.bytes(threads, 2 * elements) <= limit { elements *= 2 }
    self.threads = threads
    blockElements = min(elements, largest)
    bytes = needs.bytes(threads, blockElements)
    allocationLimit = max(needs.block(blockElements), (limit - bytes) / threads / 4)
  }

  private struct Needs {
    var fixed: Int
    /// Of one thread, without its block.
    var thread: Int
    var ingredients: Int
    /// Bytes of the widest element.
    var widest: Int

    init(_ plan: MixPlan) throws {
      ingredients = plan.tensors.reduce(1) { max($0, $1.sources.count) }
      widest = plan.tensors.reduce(1) { max($0, $1.output.dtype.size, $1.sources.map(\.info.dtype.size).max() ?? 1) }
      var (survey, whole) = (0, 0)
      var seen: Set<Int> = []
      // What a survey gathers depends on a tensor's form more than on its values: look at each size once.
      for tensor in plan.tensors where tensor.isMixed && seen.insert(tensor.output.count).inserted {
        let wanted = try tensor.merger().survey ?? Survey()
        survey = max(survey, wanted.runBytes)
        whole = max(whole, wanted.wholeBytes)
      }
      thread = (ingredients + 16) * 8 * MergeBlock.chunkLength + survey + 512 * 1024
      fixed =
        WorkingSet.programBytes + plan.checkpoints.reduce(0) { $0 + $1.entries.count } * WorkingSet.entryBytes
        + 4 * survey + 2 * whole
    }

    func block(_ elements: Int) -> Int { (ingredients + 1) * elements * widest }
    func bytes(_ threads: Int, _ elements: Int) -> Int { fixed + threads * (thread + block(elements)) }
  }
}

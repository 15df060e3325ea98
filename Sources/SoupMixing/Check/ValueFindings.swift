import SoupCheckpoints
import SoupTensors
import Synchronization

/// What the ingredients' values say.
struct ValueFindings {
  private(set) var findings: [CheckFinding] = []

  /// Reads every tensor of every checkpoint once, on all threads.
  /// - Throws: `CheckpointError`.
  init(
    _ checkpoints: [Checkpoint], plan: MixPlan?, threads: Int, _ progress: (@Sendable (Int, Int) -> Void)?
  ) throws {
    var tasks: [(checkpoint: Int, entry: TensorInfo)] = []
    for (index, checkpoint) in checkpoints.enumerated() {
      for entry in checkpoint.entries where entry.count > 0 { tasks.append((index, entry)) }
    }
    let work = tasks
    let total = work.reduce(0) { $0 + $1.entry.byteRange.count }
    let results = Mutex((statistics: [TensorStatistics?](repeating: nil, count: work.count), bytes: 0))
    try WorkQueue(threads: threads).run(work.count) {
    } body: { index, _ in
      let statistics = try TensorStatistics(work[index].entry, of: checkpoints[work[index].checkpoint])
      let done = results.withLock { results in
        results.statistics[index] = statistics
        results.bytes += work[index].entry.byteRange.count
        return results.bytes
      }
      progress?(done, total)
    }
    let statistics = results.withLock { $0.statistics }

    var zeroCount: [String: Int] = [:]
    for (task, found) in zip(work, statistics) where found.map({ $0.zeroCount == task.entry.count }) == true {
      zeroCount[task.entry.name, default: 0] += 1
    }
    for (task, found) in zip(work, statistics) {
      guard let found, task.entry.dtype.isFloatingPoint else { continue }
      add(found, task.entry, checkpoints[task.checkpoint], plan)
      // Biases that start at zero are zero in every ingredient; one alone was probably never trained, or is damaged.
      if found.zeroCount == task.entry.count, task.entry.count > 1, zeroCount[task.entry.name] != checkpoints.count {
        findings.append(
          CheckFinding(
            .warning, .allZero, file: checkpoints[task.checkpoint].path, tensor: task.entry.name,
            "is zero everywhere, in \(zeroCount[task.entry.name] ?? 0) of \(checkpoints.count) ingredients",
            advice: "it may never have been trained, or the file is damaged"))
      }
    }
  }

  private mutating func add(
    _ found: TensorStatistics, _ entry: TensorInfo, _ checkpoint: Checkpoint, _ plan: MixPlan?
  ) {
    if found.nonFiniteCount > 0 {
      findings.append(
        CheckFinding(
          .warning, .nonFinite, file: checkpoint.path, tensor: entry.name,
          "has \(found.nanCount) NaN and \(found.infinityCount) infinite values, and so would the soup",
          advice: "leave this ingredient out"))
    }
    let largest = max(-(found.minimum ?? 0), found.maximum ?? 0)
    guard let output = plan?.layout.entries.first(where: { $0.name == entry.name })?.dtype, output != entry.dtype,
      let limit = Self.limit(output), largest > limit
    else { return }
    findings.append(
      CheckFinding(
        .warning, .overflow, file: checkpoint.path, tensor: entry.name,
        "has values up to \(largest), but \(output.name) ends at \(limit)",
        advice: "store the soup as bfloat16 or float32"))
  }

  /// The largest finite value of a narrow dtype.
  private static func limit(_ dtype: DType) -> Double? {
    switch dtype {
    case .float16: 65504
    case .float8E4M3: 448
    case .float8E5M2: 57344
    default: nil
    }
  }
}

import SoupTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Where threads meet over the tensors that must be surveyed before they are merged.
///
/// A thread that wants to merge a piece of a tensor asks for its merger. If the tensor's surveys are not complete, the
/// thread takes part in them, run by run; the last one to finish concludes. Threads wait only for runs that others are
/// working on, so none can wait for ever.
final class SurveyBoard: @unchecked Sendable {
  private struct Entry {
    var merger: any TensorMerger
    var whole = Tally.Whole(Survey())
    var nextRun = 0
    var runsLeft = 0
    var isReady = false
    /// Elements not yet merged.
    var elementsLeft: Int
  }

  private let plan: MixPlan
  private let runElements: Int
  private var entries: [Int: Entry] = [:]
  private var failure: (any Error)?
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  init(plan: MixPlan, runElements: Int) {
    self.plan = plan
    self.runElements = runElements
    mutex = .allocate(capacity: 1)
    condition = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
    condition.deallocate()
  }

  /// The tensor's merger with all its surveys done.
  /// - Parameters:
  ///   - tensor: its index in the plan.
  ///   - gather: adds a run of elements to a tally.
  func merger(
    for tensor: Int, gather: (any TensorMerger, Range<Int>, inout Tally) throws -> Void
  ) throws -> any TensorMerger {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    let count = plan.tensors[tensor].output.count
    let grain = plan.tensors[tensor].rowLength
    let runLength = max(1, runElements / grain) * grain
    let runs = (count + runLength - 1) / runLength
    do {
      if failure == nil, entries[tensor] == nil {
        var entry = Entry(merger: try plan.tensors[tensor].merger(), elementsLeft: count)
        try Self.begin(&entry, runs: runs)
        entries[tensor] = entry
      }
      while true {
        if let failure { throw failure }
        guard let entry = entries[tensor] else { throw MixError(.invalidRecipe, "a tensor was merged twice") }
        if entry.isReady { return entry.merger }
        let run = entry.nextRun
        // Sums that come before their turn wait in memory: a thread may not run far ahead of the slowest.
        guard run < runs, !entry.whole.isFull else {
          pthread_cond_wait(condition, mutex)
          continue
        }
        entries[tensor]?.nextRun += 1
        var tally = Tally(entry.merger.survey ?? Survey())
        do {
          pthread_mutex_unlock(mutex)
          defer { pthread_mutex_lock(mutex) }
          try gather(entry.merger, run * runLength..<min(count, (run + 1) * runLength), &tally)
        }
        let wasFull = entry.whole.isFull
        entry.whole.add(tally, run: run)
        if wasFull { pthread_cond_broadcast(condition) }
        entries[tensor]?.runsLeft -= 1
        if entries[tensor]?.runsLeft == 0, var entry = entries[tensor] {
          try entry.merger.conclude(entry.whole.tally)
          try Self.begin(&entry, runs: runs)
          entries[tensor] = entry
          pthread_cond_broadcast(condition)
        }
      }
    } catch {
      failure = failure ?? error
      pthread_cond_broadcast(condition)
      throw error
    }
  }

  /// Notes that elements of a tensor were merged; after the last ones its statistics are forgotten.
  func merged(_ tensor: Int, elements: Int) {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    entries[tensor]?.elementsLeft -= elements
    if let left = entries[tensor]?.elementsLeft, left <= 0 { entries[tensor] = nil }
  }

  private static func begin(_ entry: inout Entry, runs: Int) throws {
    guard let survey = entry.merger.survey, runs > 0 else {
      entry.isReady = true
      entry.whole = Tally.Whole(Survey())
      return
    }
    entry.whole = Tally.Whole(survey)
    entry.nextRun = 0
    entry.runsLeft = runs
  }
}

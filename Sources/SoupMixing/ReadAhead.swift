import Synchronization

/// Tells the system what will be read next, a few pieces ahead of the threads, so that disks and networks are busy while
/// they compute. What was read ahead is in the page cache, not in memory of this process.
final class ReadAhead: Sendable {
  private let plan: MixPlan
  /// Elements that are asked for ahead of those being read.
  private let window: Int
  /// Elements of all tensors before each.
  private let starts: [Int]
  /// Up to where has been asked.
  private let asked = Mutex(0)

  init(plan: MixPlan, window: Int) {
    self.plan = plan
    self.window = window
    var starts: [Int] = []
    var sum = 0
    for tensor in plan.tensors {
      starts.append(sum)
      sum += tensor.output.count
    }
    self.starts = starts
  }

  /// Notes that a run of elements is about to be read. Runs of a tensor come in order; another survey of it begins again.
  func reading(_ tensor: Int, _ elements: Range<Int>) {
    let position = starts[tensor] + elements.lowerBound
    let wanted: Range<Int>? = asked.withLock { asked in
      if elements.lowerBound == 0 { asked = min(asked, position) }
      let lower = max(asked, position)
      let upper = position + elements.count + window
      guard lower < upper else { return nil }
      asked = upper
      return lower..<upper
    }
    guard let wanted else { return }
    var index = tensor
    while index < plan.tensors.count, starts[index] < wanted.upperBound {
      let count = plan.tensors[index].output.count
      let (lower, upper) = (max(0, wanted.lowerBound - starts[index]), min(count, wanted.upperBound - starts[index]))
      if lower < upper {
        for source in plan.tensors[index].sources {
          plan.checkpoints[source.checkpoint].prefetch(source.info, elements: lower..<upper)
        }
      }
      index += 1
    }
  }
}

/// How many numbers a survey of a tensor gathers.
public struct Survey: Sendable, Hashable {
  /// Float64 sums. They are added up in the order of the elements, so that threads do not change the result.
  public var sums: Int
  /// Integer counts.
  public var counts: Int
  /// Lists of keys, in no order.
  public var lists: Int
  /// Keys in one list, at most; a list that would grow longer is given up, and is empty.
  public var listLimit: Int
  /// 1, or how many elements one is looked at of: the blocks are then pieces of 256 elements, spread over the tensor, and
  /// may begin within rows.
  public var sampling: Int

  public init(sums: Int = 0, counts: Int = 0, lists: Int = 0, listLimit: Int = 0, sampling: Int = 1) {
    self.sums = sums
    self.counts = counts
    self.lists = lists
    self.listLimit = listLimit
    self.sampling = sampling
  }

  /// Bytes of what all runs add up to.
  var wholeBytes: Int { 8 * (sums + counts) + 4 * lists * listLimit }
  /// Bytes of one run's tally.
  var runBytes: Int { 8 * sums + 4 * counts + 4 * lists * runListLimit }
  /// Keys that one run may list. Runs of small tensors are the whole of them.
  var runListLimit: Int { listLimit <= 1 << 16 ? listLimit : max(1 << 16, listLimit / 2) }
}

/// What a survey has gathered, of one run of elements or of the whole tensor.
public struct Tally: Sendable {
  public var sums: [Double]
  public var counts: [UInt32]
  /// Of the whole tensor; counts of a run fit in 32 bits.
  public internal(set) var totals: [Int]
  /// Keys; empty where there were too many.
  public internal(set) var lists: [[UInt32]]
  private let listLimit: Int
  /// Lists that were given up.
  private var givenUp: Set<Int> = []

  /// An empty tally of one run.
  init(_ survey: Survey) {
    sums = Array(repeating: 0, count: survey.sums)
    counts = Array(repeating: 0, count: survey.counts)
    totals = []
    lists = Array(repeating: [], count: survey.lists)
    listLimit = survey.runListLimit
  }

  /// Appends keys to a list.
  public mutating func list(_ keys: UnsafeBufferPointer<UInt32>, in index: Int) {
    guard !keys.isEmpty, !givenUp.contains(index) else { return }
    guard lists[index].count + keys.count <= listLimit else {
      lists[index] = []
      givenUp.insert(index)
      return
    }
    lists[index].append(contentsOf: keys)
  }

  /// Adds up what runs of elements gave: counts and lists as they come, sums in the order of the runs.
  final class Whole {
    private(set) var sums: [Double]
    private(set) var totals: [Int]
    private(set) var lists: [[UInt32]]
    private let listLimit: Int
    private var givenUp: Set<Int> = []
    /// Sums of runs that came before their turn, by run.
    private var early: [Int: [Double]] = [:]
    private var next = 0
    /// Whether so many wait that no more runs should be begun.
    var isFull: Bool { early.count >= 32 }

    init(_ survey: Survey) {
      sums = Array(repeating: 0, count: survey.sums)
      totals = Array(repeating: 0, count: survey.counts)
      lists = Array(repeating: [], count: survey.lists)
      listLimit = survey.listLimit
    }

    func add(_ tally: Tally, run: Int) {
      if !totals.isEmpty {
        totals.withUnsafeMutableBufferPointer { totals in
          tally.counts.withUnsafeBufferPointer { counts in
            for index in counts.indices { totals[index] &+= Int(counts[index]) }
          }
        }
      }
      for index in lists.indices where !givenUp.contains(index) {
        if tally.givenUp.contains(index) || lists[index].count + tally.lists[index].count > listLimit {
          lists[index] = []
          givenUp.insert(index)
        } else {
          lists[index].append(contentsOf: tally.lists[index])
        }
      }
      guard !sums.isEmpty else { return }
      early[run] = tally.sums
      while let ready = early.removeValue(forKey: next) {
        for index in sums.indices { sums[index] += ready[index] }
        next += 1
      }
    }

    var tally: Tally {
      var tally = Tally(Survey())
      tally.sums = sums
      tally.totals = totals
      tally.lists = lists
      return tally
    }
  }
}

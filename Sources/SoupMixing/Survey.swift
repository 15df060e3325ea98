/// How many numbers a survey of a tensor gathers.
public struct Survey: Sendable, Hashable {
  /// Float64 sums. They are added up in the order of the elements, so that threads do not change the result.
  public var sums: Int
  /// Integer counts.
  public var counts: Int

  public init(sums: Int = 0, counts: Int = 0) {
    self.sums = sums
    self.counts = counts
  }
}

/// What a survey has gathered, of one run of elements or of the whole tensor.
public struct Tally: Sendable {
  public var sums: [Double]
  public var counts: [UInt32]
  /// Of the whole tensor; counts of a run fit in 32 bits.
  public internal(set) var totals: [Int]

  /// An empty tally of one run.
  init(_ survey: Survey) {
    sums = Array(repeating: 0, count: survey.sums)
    counts = Array(repeating: 0, count: survey.counts)
    totals = []
  }

  /// Adds up what runs of elements gave: counts as they come, sums in the order of the runs.
  final class Whole {
    private(set) var sums: [Double]
    private(set) var totals: [Int]
    /// Sums of runs that came before their turn, by run.
    private var early: [Int: [Double]] = [:]
    private var next = 0
    /// Whether so many wait that no more runs should be begun.
    var isFull: Bool { early.count >= 32 }

    init(_ survey: Survey) {
      sums = Array(repeating: 0, count: survey.sums)
      totals = Array(repeating: 0, count: survey.counts)
    }

    func add(_ tally: Tally, run: Int) {
      if !totals.isEmpty {
        totals.withUnsafeMutableBufferPointer { totals in
          tally.counts.withUnsafeBufferPointer { counts in
            for index in counts.indices { totals[index] &+= Int(counts[index]) }
          }
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
      return tally
    }
  }
}

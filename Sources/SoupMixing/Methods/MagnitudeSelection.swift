import CKernels

/// Finds exact order statistics of magnitudes, `|x|` at given places of the sorted order, without sorting or keeping all
/// values.
///
/// Float32 values of ordinary tensors take a sample and one pass: two keys of the sample bracket the wanted place by six
/// standard errors; the pass counts what lies below the bracket and at its ends, and lists what lies between, among which
/// the statistic is then selected. Values that many elements share are ends of a bracket or few, so the lists stay short
/// for quantised weights too. Where the sample misled (its pieces may be unlike the rest), where lists grow beyond what was
/// planned, for Float64 and for very large tensors, a radix search in histograms of the bits finds the same value: two or
/// three passes for Float32, four or six for Float64.
struct MagnitudeSelection: Sendable {
  /// One order statistic of one list of values.
  struct Search: Sendable {
    /// Which list.
    let list: Int
    /// The place in ascending order, from 0, among those that have the same leading bits as `low`.
    var place: Int
    /// The leading bits found so far.
    var low: UInt64 = 0
    /// Ends of the bracket, as keys.
    fileprivate var bracket: (low: UInt32, high: UInt32) = (0, Self.largestKey)
    fileprivate var isFound = false
    fileprivate static let largestKey = UInt32(Int32.max)

    init(list: Int, place: Int) {
      self.list = list
      self.place = place
    }
  }

  /// What the next pass does.
  enum Stage: Sendable { case sample, split, radix }

  private(set) var searches: [Search]
  private(set) var stage = Stage.radix
  private let count: Int
  private let isWide: Bool
  /// Bits not yet known.
  private var remainingBits: Int
  private let bitsPerRound: Int

  /// Tensors of up to this many elements are listed as a whole.
  private static let smallCount = 1 << 16
  /// Larger ones are searched by radix, so that lists stay small.
  private static let largestCount = 1 << 23
  /// One element of so many is in the sample, and no more than `largestSample`.
  private static let sampleStep = 32
  private static let largestSample = 1 << 17

  /// - Parameters:
  ///   - searches: what to find; places are less than `count`.
  ///   - count: number of values in each list.
  ///   - lists: whether passes may list keys; otherwise only counts are needed.
  init(_ searches: [Search], count: Int, isWide: Bool, lists: Bool = false) {
    self.searches = searches
    self.count = count
    self.isWide = isWide
    remainingBits = isWide ? 63 : 31
    if searches.isEmpty { remainingBits = 0 }
    if lists, !isWide, !searches.isEmpty, searches.count <= 16, count <= Self.largestCount {
      stage = count <= Self.smallCount ? .split : .sample
    }
    // Large tables pay where they save a pass over many values, and must fit in every thread's memory, where lists are
    // otherwise.
    let fits = stage == .radix || Self.listLimit(count) >= 1 << 16
    bitsPerRound = count >= 1 << 15 && searches.count <= 16 && fits ? 16 : 11
    shareTables()
  }

  var isComplete: Bool { searches.allSatisfy(\.isFound) || (stage == .radix && remainingBits == 0) }

  /// The statistic that a search has found.
  func value(_ search: Int) -> Double {
    let bits = searches[search].low
    return isWide ? Double(bitPattern: bits) : Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
  }

  /// What the next pass gathers: in the sample's pass a list for each search, later a list and four counts for each, or
  /// histograms.
  var survey: Survey {
    switch stage {
    case .sample:
      Survey(lists: searches.count, listLimit: Self.listLimit(count), sampling: Self.samplingStep(count))
    case .split: Survey(counts: 4 * searches.count, lists: searches.count, listLimit: Self.listLimit(count))
    case .radix: Survey(counts: tables.count << roundBits)
    }
  }

  // MARK: - Sample and bracket

  /// Standard errors on either side of a sample's estimate. Six, because elements of one piece are alike.
  private static let errors = 6.0

  private static func samplingStep(_ count: Int) -> Int { max(sampleStep, (count + largestSample - 1) / largestSample) }

  /// Keys that may lie between the ends of a bracket before the radix search is the better way: half as many again as a
  /// sample of independent elements would give at the median. The sample itself is shorter.
  private static func listLimit(_ count: Int) -> Int {
    if count <= smallCount { return count }
    let sample = Double(count / samplingStep(count))
    return max(2 * Int(sample), Int(1.5 * errors * Double(count) / sample.squareRoot())) + 1024
  }

  /// Lists, or counts and lists, the magnitudes of some of a list's values.
  /// - Parameter keys: room for `count + CK_SPLIT_SLACK` keys.
  func gather(
    _ delta: UnsafePointer<Float>, count: Int, list: Int, level: ck_level, keys: UnsafeMutablePointer<UInt32>,
    into tally: inout Tally
  ) {
    for (index, search) in searches.enumerated() where search.list == list {
      if stage == .sample {
        ck_magnitude_keys(level, delta, keys, count)
        tally.list(UnsafeBufferPointer(start: keys, count: count), in: index)
        continue
      }
      guard !search.isFound else { continue }
      var counts = ck_split_counts()
      let kept = ck_split_magnitudes(level, delta, search.bracket.low, search.bracket.high, &counts, keys, count)
      tally.counts[4 * index] += counts.below
      tally.counts[4 * index + 1] += counts.at_low
      tally.counts[4 * index + 2] += counts.between
      tally.counts[4 * index + 3] += counts.at_high
      tally.list(UnsafeBufferPointer(start: keys, count: kept), in: index)
    }
  }

  private mutating func setBrackets(_ tally: Tally) {
    stage = .split
    for index in searches.indices {
      var sample = tally.lists[index]
      guard !sample.isEmpty else { continue }
      let (m, share) = (Double(sample.count), (Double(searches[index].place) + 0.5) / Double(count))
      let margin = Self.errors * (m * share * (1 - share)).squareRoot() + 2
      let (low, high) = (Int((share * m - margin).rounded(.down)), Int((share * m + margin).rounded(.up)))
      sample.withUnsafeMutableBufferPointer { keys in
        if low >= 0 { searches[index].bracket.low = ck_select_key(keys.baseAddress, keys.count, low) }
      }
      // Selecting reorders the keys and loses some.
      sample = tally.lists[index]
      sample.withUnsafeMutableBufferPointer { keys in
        if high < keys.count { searches[index].bracket.high = ck_select_key(keys.baseAddress, keys.count, high) }
      }
    }
  }

  private mutating func selectBetween(_ tally: Tally) {
    for index in searches.indices {
      let counts = Array(tally.totals[4 * index..<4 * index + 4])
      let (low, high) = searches[index].bracket
      var place = searches[index].place - counts[0]
      guard place >= 0 else { continue }
      if place < counts[1] {
        searches[index].low = UInt64(low)
        searches[index].isFound = true
        continue
      }
      place -= counts[1]
      if place < counts[2] {
        var keys = tally.lists[index]
        // A list that grew too long was given up.
        guard keys.count == counts[2] else { continue }
        keys.withUnsafeMutableBufferPointer { keys in
          searches[index].low = UInt64(ck_select_key(keys.baseAddress, keys.count, place))
        }
        searches[index].isFound = true
        continue
      }
      place -= counts[2]
      if low < high, place < counts[3] {
        searches[index].low = UInt64(high)
        searches[index].isFound = true
      }
    }
    stage = .radix
    shareTables()
  }

  // MARK: - Radix search

  /// The different (list, low): searches that share a table.
  private var tables: [(list: Int, low: UInt64)] = []

  private var roundBits: Int { min(bitsPerRound, remainingBits) }

  private mutating func shareTables() {
    tables = []
    for search in searches where !search.isFound {
      if !tables.contains(where: { $0.list == search.list && $0.low == search.low }) {
        tables.append((search.list, search.low))
      }
    }
  }

  /// Counts some of a list's values in histograms.
  func gather(_ values: Vector, count: Int, list: Int, level: ck_level, counts: UnsafeMutablePointer<UInt32>) {
    for (index, table) in tables.enumerated() where table.list == list {
      ck_count_magnitudes(
        level, values, isWide ? 0 : 1, table.low, UInt32(remainingBits - roundBits), 1 << roundBits,
        counts + index << roundBits, count)
    }
  }

  /// Chooses a place again before the first `conclude`, where it depends on what the first pass counts.
  mutating func setPlace(_ search: Int, _ place: Int) { searches[search].place = place }

  /// Narrows every search by what a pass over all values has found.
  mutating func conclude(_ tally: Tally) {
    switch stage {
    case .sample: setBrackets(tally)
    case .split: selectBetween(tally)
    case .radix: narrow(tally.totals[...])
    }
  }

  /// One round of the radix search.
  mutating func narrow(_ totals: ArraySlice<Int>) {
    let bits = roundBits
    for index in searches.indices where !searches[index].isFound {
      let search = searches[index]
      guard let table = tables.firstIndex(where: { $0.list == search.list && $0.low == search.low }) else { continue }
      var bin = totals.startIndex + table << bits
      let last = bin + (1 << bits) - 1
      while bin < last, searches[index].place >= totals[bin] {
        searches[index].place -= totals[bin]
        bin += 1
      }
      searches[index].low += UInt64(bin - totals.startIndex - table << bits) << UInt64(remainingBits - bits)
    }
    remainingBits -= bits
    shareTables()
  }
}

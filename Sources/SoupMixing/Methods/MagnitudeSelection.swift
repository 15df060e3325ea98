import CKernels

/// Finds exact order statistics of magnitudes, `|x|` at given places of the sorted order, without sorting or keeping the
/// values: a radix search in histograms of their bits, two or three passes for Float32 values, four or six for Float64.
struct MagnitudeSelection: Sendable {
  /// One order statistic of one list of values.
  struct Search: Sendable {
    /// Which list.
    let list: Int
    /// The place in ascending order, from 0, among those that have the same leading bits as `low`.
    var place: Int
    /// The leading bits found so far.
    var low: UInt64 = 0
  }

  private(set) var searches: [Search]
  private let isWide: Bool
  /// Bits not yet known.
  private var remainingBits: Int
  private let bitsPerRound: Int

  /// - Parameters:
  ///   - searches: what to find; places are less than `count`.
  ///   - count: number of values in each list.
  init(_ searches: [Search], count: Int, isWide: Bool) {
    self.searches = searches
    self.isWide = isWide
    remainingBits = isWide ? 63 : 31
    // Large tables pay where they save a pass over many values, and must fit in every thread's memory.
    bitsPerRound = count >= 1 << 15 && searches.count <= 16 ? 16 : 11
    if searches.isEmpty { remainingBits = 0 }
    shareTables()
  }

  var isComplete: Bool { remainingBits == 0 }

  /// The statistic that a search has found.
  func value(_ search: Int) -> Double {
    let bits = searches[search].low
    return isWide ? Double(bitPattern: bits) : Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
  }

  /// The different (list, low): searches that share a table.
  private var tables: [(list: Int, low: UInt64)] = []

  private var roundBits: Int { min(bitsPerRound, remainingBits) }

  private mutating func shareTables() {
    tables = []
    for search in searches where !tables.contains(where: { $0.list == search.list && $0.low == search.low }) {
      tables.append((search.list, search.low))
    }
  }

  /// How many counts the next pass needs.
  var countsNeeded: Int { tables.count << roundBits }

  /// Counts some of a list's values.
  func gather(_ values: Vector, count: Int, list: Int, level: ck_level, counts: UnsafeMutablePointer<UInt32>) {
    for (index, table) in tables.enumerated() where table.list == list {
      ck_count_magnitudes(
        level, values, isWide ? 0 : 1, table.low, UInt32(remainingBits - roundBits), 1 << roundBits,
        counts + index << roundBits, count)
    }
  }

  /// Chooses a place again before the first `conclude`, where it depends on what the first pass counts.
  mutating func setPlace(_ search: Int, _ place: Int) { searches[search].place = place }

  /// Narrows every search by what a pass over all values has counted.
  mutating func conclude(_ totals: ArraySlice<Int>) {
    let bits = roundBits
    for index in searches.indices {
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

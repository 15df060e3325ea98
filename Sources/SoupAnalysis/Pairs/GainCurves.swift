import CKernels
import SoupTensors

/// How gains depend on the epochs that two models were trained together: P(gain > k) for several k, expected gain, collapse, each with
/// two bootstrap intervals.
///
/// Of the pairs with the same shared epochs, `pairs` draws pairs with replacement, as published. Pairs share models, so that it
/// is too narrow; `models` draws models with replacement and counts a pair as often as the product of its two models'
/// draws, which errs on the wide side.
/// - Source: Efron, 1979; for draws of models, Owen, *The pigeonhole bootstrap*, 2007, arXiv:0712.1111.
public struct GainCurves: Sendable, Codable {
  public struct Estimate: Sendable, Codable, Hashable {
    public var value: Double
    /// 95 % over pairs.
    public var pairs: Interval
    /// 95 % over models; nil where a draw of models hardly ever has such a pair. Of a share never narrower than Wilson's over pairs: a
    /// bootstrap of values that are all equal has no width.
    public var models: Interval?
  }

  public struct Group: Sendable, Codable {
    public var sharedEpochs: Int
    public var pairs: Int
    /// P(gain > k), in the order of `thresholds`.
    public var above: [Estimate]
    /// Mean gain over all pairs.
    public var expected: Estimate
    /// Mean gain of the pairs that gain; nil without one.
    public var expectedPositive: Estimate?
    /// The share of soups that have collapsed.
    public var collapsed: Estimate
    /// P(gain > 0) of all pairs that share at least so many epochs.
    public var fromHere: Estimate

    private enum CodingKeys: String, CodingKey {
      case pairs, above, expected, collapsed
      case fromHere = "from_here"
      case sharedEpochs = "shared_epochs"
      case expectedPositive = "expected_positive"
    }
  }

  public let gain: SoupGain
  /// In the gain's unit.
  public let thresholds: [Double]
  public let groups: [Group]

  /// The published thresholds of accuracy, in points; of losses, in nats.
  public static func thresholds(of gain: SoupGain) -> [Double] {
    gain.measure.isLoss ? [-1, -0.1, 0, 0.01] : SharedTraining.thresholds
  }

  /// - Parameter thresholds: ascending; 0 is among them.
  /// - Complexity: `resamples · pairs`; 5,356 pairs of 104 models take about 0.2 s.
  public init(
    _ table: PairTable, gain: SoupGain = SoupGain(.accuracy), thresholds: [Double]? = nil, resamples: Int = 1000,
    seed: UInt64 = 0
  ) {
    let thresholds = thresholds ?? Self.thresholds(of: gain)
    self.gain = gain
    self.thresholds = thresholds
    // Pairs in the order of their groups, and what is averaged over them: indicators, gain, gain where above 0, collapse.
    let columns = thresholds.count + 4
    var members: [Int: [Int]] = [:]
    for (index, pair) in table.pairs.enumerated() {
      if let shared = table.sharedEpochs(pair), gain.value(pair, in: table) != nil {
        members[shared, default: []].append(index)
      }
    }
    let shared = members.keys.sorted()
    var (rows, ends, offsets): ([Double], [(Int, Int)], [Int]) = ([], [], [0])
    for epochs in shared {
      for index in members[epochs]! {
        let pair = table.pairs[index]
        let value = gain.value(pair, in: table)!
        let isPositive = SoupGain.isAbove(value)
        rows += thresholds.map { SoupGain.isAbove(value, $0) ? 1 : 0 }
        rows += [
          value, isPositive ? value : 0, isPositive ? 1 : 0, table.isCollapsed(pair) ? 1 : 0,
        ]
        ends.append((pair.a, pair.b))
      }
      offsets.append(ends.count)
    }
    let draws = Draws(rows: rows, columns: columns, ends: ends, offsets: offsets, models: table.models.count)
    let (byPair, byModel) = (draws.ofPairs(resamples, seed), draws.ofModels(resamples, seed))
    // Sums over a group and all later ones.
    var (own, ofPairs, ofModels) = (shared.indices.map(draws.sums), byPair, byModel)
    for group in shared.indices.dropLast().reversed() {
      Self.add(own[group + 1], to: &own[group])
      for resample in 0..<resamples {
        Self.add(ofPairs[group + 1][resample], to: &ofPairs[group][resample])
        Self.add(ofModels[group + 1][resample], to: &ofModels[group][resample])
      }
    }
    groups = shared.indices.map { group in
      let alone = draws.sums(group)
      func estimate(_ column: Int, over count: Int? = nil, fromHere: Bool = false) -> Estimate {
        let (own, byPair, byModel) = (
          fromHere ? own[group] : alone, fromHere ? ofPairs : byPair, fromHere ? ofModels : byModel
        )
        func ratio(_ sums: [Double]) -> Double? {
          let whole = sums[count ?? columns]
          return whole > 0 ? sums[column] / whole : nil
        }
        func interval(_ drawn: [[Double]]) -> Interval? {
          let values = drawn.compactMap(ratio).sorted()
          guard values.count >= resamples / 2, !values.isEmpty else { return nil }
          return Interval(PairedBootstrap.quantile(values, 0.025), PairedBootstrap.quantile(values, 0.975))
        }
        let value = ratio(own) ?? .nan
        let isShare = count == nil && column != thresholds.count
        let whole = Int(own[columns])
        let wilson = isShare && whole > 0 ? try? ProportionInterval.wilson(Int(own[column].rounded()), of: whole) : nil
        let models = interval(byModel[group]).map { found in
          wilson.map { Interval(min($0.lower, found.lower), max($0.upper, found.upper)) } ?? found
        }
        return Estimate(
          value: value, pairs: interval(byPair[group]) ?? Interval(value, value), models: models ?? wilson)
      }
      let k = thresholds.count
      return Group(
        sharedEpochs: shared[group], pairs: offsets[group + 1] - offsets[group],
        above: (0..<k).map { estimate($0) }, expected: estimate(k),
        expectedPositive: alone[k + 2] > 0 ? estimate(k + 1, over: k + 2) : nil, collapsed: estimate(k + 3),
        fromHere: estimate(k + 2, fromHere: true))
    }
  }

  /// The smallest number of shared epochs such that of the pairs that share at least as many, P(gain > 0) has a lower bound above
  /// `share`: over models where that interval exists. Nil without one.
  public func epochsNeeded(_ share: Double) -> Group? {
    groups.first { ($0.fromHere.models ?? $0.fromHere.pairs).lower > share }
  }

  private static func add(_ sums: [Double], to other: inout [Double]) {
    for index in sums.indices { other[index] += sums[index] }
  }
}

/// Sums over resamples. Each row has `columns` values; sums have one more, the number of rows.
private struct Draws {
  let rows: [Double]
  let columns: Int
  /// The two models of each row.
  let ends: [(Int, Int)]
  /// Where each group begins.
  let offsets: [Int]
  let models: Int

  func sums(_ group: Int) -> [Double] {
    var sums = [Double](repeating: 0, count: columns + 1)
    for row in offsets[group]..<offsets[group + 1] { add(row, 1, &sums) }
    return sums
  }

  /// `[group][resample]`: as many rows of the group, drawn with replacement.
  func ofPairs(_ resamples: Int, _ seed: UInt64) -> [[[Double]]] {
    let generator = CounterGenerator(seed: seed).derived("pairs")
    return (0..<offsets.count - 1).map { group in
      let (start, count) = (offsets[group], offsets[group + 1] - offsets[group])
      let own = generator.derived(UInt64(group))
      return (0..<resamples).map { resample in
        var sums = [Double](repeating: 0, count: columns + 1)
        for word in words(own.derived(UInt64(resample)), count) {
          add(start + Int((UInt64(word) &* UInt64(count)) >> 32), 1, &sums)
        }
        return sums
      }
    }
  }

  /// `[group][resample]`: as many models as there are, drawn with replacement; a row counts as often as both of its models.
  func ofModels(_ resamples: Int, _ seed: UInt64) -> [[[Double]]] {
    let generator = CounterGenerator(seed: seed).derived("models")
    let empty = [Double](repeating: 0, count: columns + 1)
    var drawn = [[[Double]]](repeating: [[Double]](repeating: empty, count: resamples), count: offsets.count - 1)
    for resample in 0..<resamples {
      var counts = [Int](repeating: 0, count: models)
      for word in words(generator.derived(UInt64(resample)), models) {
        counts[Int((UInt64(word) &* UInt64(models)) >> 32)] += 1
      }
      for group in 0..<offsets.count - 1 {
        for row in offsets[group]..<offsets[group + 1] {
          let weight = counts[ends[row].0] * counts[ends[row].1]
          if weight > 0 { add(row, Double(weight), &drawn[group][resample]) }
        }
      }
    }
    return drawn
  }

  private func add(_ row: Int, _ weight: Double, _ sums: inout [Double]) {
    rows.withUnsafeBufferPointer { rows in
      sums.withUnsafeMutableBufferPointer { sums in
        for column in 0..<columns { sums[column] += weight * rows[row * columns + column] }
        sums[columns] += weight
      }
    }
  }

  private func words(_ generator: CounterGenerator, _ count: Int) -> [UInt32] {
    var words = [UInt32](repeating: 0, count: count)
    ck_philox(ck_best_level(), generator.key.x, generator.key.y, 0, &words, count)
    return words
  }
}

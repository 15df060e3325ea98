import SoupAnalysis
import SoupTensors
import Testing

/// What the figures of pair soups are drawn from: intervals by shared epochs, failing triangles, robustness, variants.
@Suite struct PairCurvesTests {
  /// Intervals hold their estimate, those over models are wider than those over pairs, a seed gives the same, and all of it is what counting gives.
  @Test func curvesAreCountsWithIntervals() throws {
    let branches = (0..<24).map { 50 + 10 * ($0 / 4) }
    var generator = CounterGenerator(seed: 1)
    let table = PairAnalysisTests.table(branches) { a, b in
      // Soups of the last branch points gain, and hang on their models.
      let chance = Double(min(a, b)) / 24 * (a % 3 == 0 ? 0.4 : 1)
      return generator.chance(chance) ? (74, 0.7) : (40, 2)
    }
    let curves = GainCurves(table, gain: SoupGain(.accuracy))
    let groups = try SharedTraining(table).groups
    #expect(curves.groups.map(\.sharedEpochs) == groups.map(\.sharedEpochs))
    for (curve, group) in zip(curves.groups, groups) {
      #expect(curve.pairs == group.pairs && zip(curve.above, group.above).allSatisfy { abs($0.value - $1) < 1e-12 })
      #expect(abs(curve.collapsed.value - group.collapsed) < 1e-12)
      #expect((curve.expectedPositive == nil) == (group.meanGain == nil))
      if let own = curve.expectedPositive, let mean = group.meanGain { #expect(abs(own.value - mean) < 1e-9) }
      for estimate in curve.above + [curve.expected, curve.collapsed] {
        #expect(estimate.pairs.lower <= estimate.value + 1e-12 && estimate.value <= estimate.pairs.upper + 1e-12)
      }
    }
    let widths = curves.groups.dropLast().map { ($0.fromHere.pairs.halfWidth, $0.fromHere.models?.halfWidth ?? 0) }
    #expect(widths.reduce(0) { $0 + $1.1 } > widths.reduce(0) { $0 + $1.0 })
    // All pairs from the first group on are all pairs.
    let positive = table.pairs.count { SoupGain.isAbove(SoupGain(.accuracy).value($0, in: table)!) }
    #expect(abs(curves.groups[0].fromHere.value - Double(positive) / Double(table.pairs.count)) < 1e-12)
    #expect(GainCurves(table, gain: SoupGain(.accuracy)).groups.map(\.above) == curves.groups.map(\.above))
    // All soups of the last group may gain: that says less than certainty.
    let last = try #require(curves.groups.last)
    #expect(last.pairs == 6 && (last.above[2].models?.halfWidth ?? 1) > 0.1)
    if let needed = curves.epochsNeeded(0.5) { #expect((needed.fromHere.models ?? needed.fromHere.pairs).lower > 0.5) }
  }

  /// Three gains: three corners and no failure. Two: one corner that fails; published, one failure of three.
  @Test func openTrianglesFailOnce() throws {
    let table = PairAnalysisTests.table([50, 60, 70, 90]) { a, b in (74, a == 2 && b == 3 ? 2 : 0.5) }
    let found = TriangleFailures(table, gain: SoupGain(.loss))
    // Triangles: 012, 013 closed; 023, 123 open.
    #expect(found.total.closed == 2 && found.total.open == 2 && found.total.corners == 8)
    #expect(abs(found.total.rate - 0.25) < 1e-12 && abs(found.total.publishedRate - 2.0 / 12) < 1e-12)
    #expect(found.shared.map(\.sharedEpochs) == [50, 60])
    #expect(found.shared.map(\.group.closed) == [2, 0] && found.shared.map(\.group.open) == [1, 1])
    // Corners that left first: 0 of 012, 013, 023 with distances 10, 30, 20; 1 of 123 with 20.
    #expect(found.distances.reduce(0) { $0 + $1.corners } == 4 && found.distances.reduce(0) { $0 + $1.failed } == 2)
    #expect(found.distances.first { $0.low < 20 && $0.high >= 20 }?.failed ?? 0 >= 1)
    #expect(TriangleFailures(table, gain: SoupGain(.loss), window: 55...65).distances.map(\.corners) == [1])
    // One pair fails; it is there once, with the anchor that gains the most.
    #expect(found.worst.count == 1 && Set([found.worst[0].first, found.worst[0].second]) == [2, 3])
    #expect(found.worst[0].gains[2] < 0)
  }

  @Test func robustnessIsTheFrailerParentsMinusTheSoups() throws {
    var table = PairAnalysisTests.table([50, 60, 70]) { _, _ in (72, 0.9) }
    for index in table.models.indices {
      table.models[index].scores.corruptedLoss = 2 + Double(index) / 10
      table.models[index].scores.corruptedAccuracy = 40
    }
    for index in table.pairs.indices {
      table.pairs[index].scores.corruptedLoss = 1.9 - Double(index) / 10
      table.pairs[index].scores.corruptedAccuracy = 41
    }
    // r: 1 − 2, 0.9 − 2.1, 0.8 − 2.2; soup of the first two: 0.9 − 1.9.
    let difference = try #require(RobustnessGap.difference(table.pairs[0], in: table))
    #expect(abs(difference - (-1.2 - -1.0)) < 1e-12)
    let gap = try RobustnessGap(table)
    #expect(gap.pairs == 3 && gap.counts.reduce(0, +) == 3 && gap.groups.map(\.pairs) == [2, 1])
    #expect(gap.groups.allSatisfy { $0.sturdier == 1 })
    #expect(throws: AnalysisError.self) { try RobustnessGap(PairAnalysisTests.random(5, 1)) }
  }

  @Test func variantsCountEveryPairForBoth() throws {
    var table = PairAnalysisTests.table([50, 50, 60, 60]) { a, b in (a % 2 == b % 2 ? 74 : 3, 0.5) }
    for index in table.models.indices { table.models[index].variant = ["2", "10"][index % 2] }
    let found = try VariantTable(table, gain: SoupGain(.accuracy))
    // By number, not by letter.
    #expect(found.rows.map(\.variant) == ["2", "10"] && found.rows.map(\.models) == [2, 2])
    // Of the 6 pairs 4 are mixed; a variant has its own one and those 4.
    #expect(
      found.rows.allSatisfy {
        $0.cell.pairs == 5 && abs($0.cell.positive - 0.2) < 1e-12 && abs($0.cell.collapsed - 0.8) < 1e-12
      })
    #expect(
      found.cells.count == 4
        && found.cells.filter { $0.first != $0.second }.allSatisfy { $0.pairs == 4 && $0.positive == 0 })
    #expect(throws: AnalysisError.self) { try VariantTable(PairAnalysisTests.random(4, 1), gain: SoupGain(.accuracy)) }
  }

  /// No point is lost, every cell holds its mean, and axes with a constant are even in sign · ln(1 + |v| / c).
  @Test func gridsKeepEveryPoint() {
    var generator = CounterGenerator(seed: 2)
    let x = (0..<500).map { _ in generator.normal() }
    let y = (0..<500).map { _ in -generator.uniform() * 4 + 0.02 }
    let grid = DensityGrid(x, y, shades: x.map { $0 }, columns: 12, rows: 9, scale: (nil, 0.01))
    #expect(grid.cells.reduce(0) { $0 + $1.count } == 500 && grid.cells.count <= 108)
    for cell in grid.cells {
      #expect(cell.left - 1e-9 <= cell.x && cell.x <= cell.right + 1e-9)
      #expect(cell.bottom - 1e-9 <= cell.y && cell.y <= cell.top + 1e-9)
      #expect(abs((cell.shade ?? 9) - cell.x) < 1e-12)
    }
    #expect(DensityGrid([], [], columns: 3, rows: 3, scale: (nil, nil)).cells.isEmpty)
    #expect(DensityGrid([1, 1], [2, 2], columns: 3, rows: 3, scale: (1, 1)).cells.map(\.count) == [2])
  }

  /// Pearson's of the same numbers; and the corners that figures show are those of the statistics.
  @Test func pearsonAndCornersAgree() throws {
    let table = PairAnalysisTests.random(8, 9)
    let found = try Transitivity(table, gain: SoupGain(.loss))
    let corners = Transitivity.corners(table, gain: SoupGain(.loss))
    #expect(corners.others.count == found.minimum.count)
    #expect(
      try abs(Correlation.pearson(corners.smaller, corners.others).coefficient - found.minimumPearson.coefficient)
        < 1e-12)
    #expect(try abs(Correlation.spearman(corners.means, corners.others).coefficient - found.mean.coefficient) < 1e-12)
    #expect(Transitivity.corners(table, gain: SoupGain(.loss), roles: .first).others.count == found.triangles)
  }
}

/// Intervals over models.
@Suite struct ModelIntervalTests {
  /// Leaving each model out by hand gives the same interval of a triangle's chance.
  @Test func triangleIntervalsAreThoseOfLeavingModelsOut() throws {
    let table = PairAnalysisTests.random(9, 4)
    let gain = SoupGain(.loss)
    let found = try Transitivity(table, gain: gain)
    var left: [[Double]] = [[], [], []]
    for model in 0..<9 {
      var without = table
      without.pairs.removeAll { $0.a == model || $0.b == model }
      for (edges, chance) in try Transitivity(without, gain: gain).positive.enumerated() {
        left[edges].append(chance ?? .nan)
      }
    }
    for edges in 0..<3 {
      let values = left[edges].filter(\.isFinite)
      let mean = values.reduce(0, +) / Double(values.count)
      let variance =
        Double(values.count - 1) / Double(values.count) * values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      let half = 1.959963984540054 * variance.squareRoot()
      let interval = try #require(found.intervals[edges])
      let value = try #require(found.positive[edges])
      #expect(abs(interval.lower - max(0, value - half)) < 1e-12 && abs(interval.upper - min(1, value + half)) < 1e-12)
    }
  }

  /// A measure that is the gain has correlation 1 whichever model is left out; one that knows nothing has an interval with 0 in it.
  @Test func correlationsHaveIntervalsOverModels() throws {
    var table = PairAnalysisTests.random(20, 8)
    table.measures = ["gain", "noise"]
    var generator = CounterGenerator(seed: 3)
    for index in table.pairs.indices {
      table.pairs[index].similarities = [
        "gain": SoupGain(.loss).value(table.pairs[index], in: table)!, "noise": generator.normal(),
      ]
    }
    let rows = try SimilarityCorrelations(table).rows
    let sure = try #require(rows[0].intervals[1])
    #expect(abs(sure.lower - 1) < 1e-9 && abs(sure.upper - 1) < 1e-9)
    let noise = try #require(rows[1].intervals[1])
    #expect(noise.contains(rows[1].all[1].coefficient) && noise.halfWidth > 0.05 && noise.halfWidth < 0.6)
  }
}

import Foundation
import SoupAnalysis
import SoupTensors
import Testing

/// Pair soups, their gains, triangles, graph and map.
@Suite struct PairAnalysisTests {
  /// Models with the branch epochs, and a soup of every two with the accuracy and the loss that are given.
  static func table(_ branches: [Int], _ soup: (Int, Int) -> (accuracy: Double, loss: Double)) -> PairTable {
    var table = PairTable(
      models: branches.enumerated().map { index, branch in
        .init(
          name: "m\(index)", scores: .init(accuracy: 70 + Double(index % 3), loss: 1 - Double(index % 3) / 10),
          branchEpoch: branch)
      }, pairs: [])
    for a in branches.indices {
      for b in a + 1..<max(a + 1, branches.count) {
        let (accuracy, loss) = soup(a, b)
        table.pairs.append(.init(a: a, b: b, scores: .init(accuracy: accuracy, loss: loss)))
      }
    }
    return table
  }

  static func random(_ count: Int, _ seed: UInt64) -> PairTable {
    var generator = CounterGenerator(seed: seed)
    return table((0..<count).map { 50 + 10 * ($0 / 2) }) { _, _ in
      let good = generator.chance(0.5)
      return (
        good ? 74 : 60 + 10 * generator.uniform(), good ? 0.7 + 0.05 * generator.uniform() : 1 + generator.uniform()
      )
    }
  }

  @Test func aGainSaysOfWhatAndOverWhom() {
    let table = Self.table([50, 60]) { _, _ in (71.5, 0.95) }
    let pair = table.pairs[0]
    // Parents: 70 and 71 %, 1.0 and 0.9 nats.
    let gains: [(SoupGain, Double)] = [
      (SoupGain(.accuracy), 0.5), (SoupGain(.accuracy, over: .mean), 1), (SoupGain(.loss), -0.05),
      (SoupGain(.loss, over: .mean), 0),
    ]
    for (gain, expected) in gains { #expect(abs(gain.value(pair, in: table)! - expected) < 1e-12) }
    #expect(SoupGain(.corruptedLoss).value(pair, in: table) == nil)
    #expect(SoupGain(.loss).title == "loss over the best parent, in nats")
    // 78.67 − 78.67 written with other rounding is no gain.
    #expect(!SoupGain.isAbove(0.1 + 0.2 - 0.3))
  }

  /// With v variants at each of b branch points at or above an epoch E, v²(b − 1) + v(v − 1)/2 pairs share E epochs.
  @Test func pairsAreCountedByTheEpochsThatTheyShare() throws {
    let branches = (0..<26).flatMap { point in [Int](repeating: 50 + 10 * point, count: 4) }
    let table = Self.table(branches) { a, b in ((a + b) % 2 == 0 ? 80 : 2, 0.5) }
    let groups = try SharedTraining(table).groups
    #expect(groups.count == 26 && groups.reduce(0) { $0 + $1.pairs } == 5356)
    for (index, group) in groups.enumerated() {
      #expect(group.sharedEpochs == 50 + 10 * index && group.pairs == 16 * (26 - index - 1) + 6)
      // Half of the soups at 80 %, half at 2 %.
      #expect(abs(group.above[2] + group.collapsed - 1) < 1e-12)
      #expect(group.positiveInterval.contains(group.above[2]))
    }
  }

  /// By definition, three loops; and whatever order the models come in.
  @Test func trianglesAreLookedAtFromEveryCorner() throws {
    let table = Self.random(9, 3)
    let gain = SoupGain(.loss)
    let found = try Transitivity(table, gain: gain)
    let matrix = table.matrix { gain.value($0, in: table) }
    var (x, means, y, positive, counts): ([Double], [Double], [Double], [Int], [Int]) = (
      [], [], [], [0, 0, 0], [0, 0, 0]
    )
    for a in 0..<9 {
      for b in 0..<9 {
        for c in b + 1..<9 where a != b && a != c {
          let (ab, ac, bc) = (matrix[a * 9 + b], matrix[a * 9 + c], matrix[b * 9 + c])
          x.append(min(ab, ac))
          means.append((ab + ac) / 2)
          y.append(bc)
          let edges = (ab > 0 ? 1 : 0) + (ac > 0 ? 1 : 0)
          counts[edges] += 1
          if bc > 0 { positive[edges] += 1 }
        }
      }
    }
    #expect(found.triangles == 84 && found.minimum.count == 252 && found.counts == counts)
    #expect(try abs(found.minimum.coefficient - Correlation.spearman(x, y).coefficient) < 1e-12)
    #expect(try abs(found.mean.coefficient - Correlation.spearman(means, y).coefficient) < 1e-12)
    for k in 0..<3 { #expect(found.positive[k] == Double(positive[k]) / Double(counts[k])) }
    var turned = table
    let order = [4, 2, 8, 0, 1, 7, 3, 6, 5]
    turned.models = order.map { table.models[$0] }
    turned.pairs = table.pairs.map { pair in
      var pair = pair
      (pair.a, pair.b) = (order.firstIndex(of: pair.a)!, order.firstIndex(of: pair.b)!)
      return pair
    }
    let again = try Transitivity(turned, gain: gain)
    #expect(abs(again.minimum.coefficient - found.minimum.coefficient) < 1e-12 && again.counts == found.counts)
    #expect(try Transitivity(table, gain: gain, roles: .first).minimum.count == 84)
  }

  /// Every triangle with all edges above 0 gives three corners without a failure, one with two gives one with.
  @Test func failuresAreCountedFromTheCornersThatGain() throws {
    let table = Self.table([50, 60, 70, 80]) { a, b in (74, a == 0 && b == 1 ? 2 : 0.5) }
    let failures = try Transitivity(table, gain: SoupGain(.loss)).failures
    #expect(failures.map(\.sharedEpochs) == [50, 60] && failures.map(\.rows) == [2 + 3, 3])
    #expect(failures.map(\.failed) == [2, 0])
  }

  @Test func theLargestCliqueIsThatOfAllSubsets() {
    for seed in 0..<30 {
      var generator = CounterGenerator(seed: UInt64(seed))
      var edges: [(Int, Int)] = []
      for a in 0..<11 { for b in a + 1..<11 where generator.chance(0.55) { edges.append((a, b)) } }
      let graph = SoupGraph(count: 11, edges: edges)
      let joined = Set(edges.map { $0.0 * 11 + $0.1 })
      var largest = 0
      for subset in 1..<(1 << 11) {
        let nodes = (0..<11).filter { subset >> $0 & 1 == 1 }
        guard nodes.count > largest else { continue }
        if nodes.indices.allSatisfy({ i in nodes[..<i].allSatisfy { joined.contains($0 * 11 + nodes[i]) } }) {
          largest = nodes.count
        }
      }
      let clique = graph.largestClique
      #expect(clique.count == largest)
      #expect(clique.indices.allSatisfy { i in clique[..<i].allSatisfy { joined.contains($0 * 11 + clique[i]) } })
    }
    let parts = SoupGraph(count: 6, edges: [(0, 1), (1, 2), (4, 5)])
    #expect(parts.components == [[0, 1, 2], [4, 5], [3]] && parts.edgeCount == 3)
  }

  /// Distances between points of a plane are found again; scikit-learn's stress of the corners of a simplex is not undercut by much.
  @Test func scalingFindsPointsOfThePlaneAgain() throws {
    var generator = CounterGenerator(seed: 4)
    let points = (0..<20).map { _ in (generator.normal(), generator.normal()) }
    func distance(_ a: (Double, Double), _ b: (Double, Double)) -> Double { hypot(a.0 - b.0, a.1 - b.1) }
    let wanted = points.flatMap { a in points.map { distance(a, $0) } }
    let found = try MetricScaling(wanted, count: 20, steps: 5000, tolerance: 1e-12)
    #expect(found.stress < 1e-4)
    for i in 0..<20 {
      for j in 0..<i {
        let (p, q) = (found.points[i], found.points[j])
        #expect(abs(hypot(p.x - q.x, p.y - q.y) - wanted[i * 20 + j]) < 0.01)
      }
    }
    // Three points are exact; four at distance 1 from each other form a square in the plane: σ = 4 (s − 1)² + 2 (s√2 − 1)² with
    // s = (2 + √2) / 4.
    let four = try MetricScaling((0..<16).map { $0 / 4 == $0 % 4 ? 0 : 1 }, count: 4)
    let s = (2 + 2.0.squareRoot()) / 4
    #expect(
      abs(four.stress - (4 * (s - 1) * (s - 1) + 2 * (s * 2.0.squareRoot() - 1) * (s * 2.0.squareRoot() - 1))) < 1e-5)
    #expect(throws: AnalysisError.self) { try MetricScaling([0, 1, 2, 0], count: 2) }
  }

  @Test func soupDistancesSeparateGainsFromLosses() throws {
    let table = Self.random(8, 5)
    let gain = SoupGain(.loss)
    let distance = try SoupDistance(table, gain: gain)
    for pair in table.pairs {
      let value = distance.values[pair.a * 8 + pair.b]
      #expect(value == distance.values[pair.b * 8 + pair.a])
      #expect(gain.value(pair, in: table)! > 0 ? value == 0 : (1...1.1).contains(value))
    }
    var incomplete = table
    incomplete.pairs.removeLast()
    #expect(incomplete.missing == 1)
    #expect(throws: AnalysisError.self) { try SoupDistance(incomplete, gain: gain) }
    #expect(try PairAnalysis(incomplete).embedding == nil)
  }

  @Test func correlationsAreThoseOfPairsThatGain() throws {
    var table = Self.random(10, 6)
    table.measures = ["alike"]
    for index in table.pairs.indices {
      table.pairs[index].similarities["alike"] = SoupGain(.loss).value(table.pairs[index], in: table)
    }
    let found = try SimilarityCorrelations(table)
    #expect(abs(found.rows[0].all[1].coefficient - 1) < 1e-12 && abs(found.rows[0].positive[1].coefficient - 1) < 1e-12)
    #expect(found.rows[0].positive[1].count == found.positives[1])
  }
}

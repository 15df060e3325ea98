/// Models as nodes, with an edge where the soup of two gains: what soups together?
public struct SoupGraph: Sendable {
  /// Number of models.
  public let count: Int
  private let neighbours: [Set<Int>]

  /// - Parameter edges: pairs of indices below `count`.
  public init(count: Int, edges: [(Int, Int)]) {
    self.count = count
    var neighbours = [Set<Int>](repeating: [], count: count)
    for (a, b) in edges where a != b {
      neighbours[a].insert(b)
      neighbours[b].insert(a)
    }
    self.neighbours = neighbours
  }

  /// An edge for every pair with a gain above 0.
  public init(_ table: PairTable, gain: SoupGain) {
    self.init(
      count: table.models.count,
      edges: table.pairs.filter { pair in gain.value(pair, in: table).map { SoupGain.isAbove($0) } ?? false }.map {
        ($0.a, $0.b)
      })
  }

  public var edgeCount: Int { neighbours.reduce(0) { $0 + $1.count } / 2 }

  /// How many models one gains with.
  public func degree(_ node: Int) -> Int { neighbours[node].count }

  /// Sets of models that edges lead between, the largest first; models without an edge are sets of one.
  public var components: [[Int]] {
    var seen = [Bool](repeating: false, count: count)
    var components: [[Int]] = []
    for start in 0..<count where !seen[start] {
      var component: [Int] = []
      var open = [start]
      seen[start] = true
      while let node = open.popLast() {
        component.append(node)
        for next in neighbours[node] where !seen[next] {
          seen[next] = true
          open.append(next)
        }
      }
      components.append(component.sorted())
    }
    return components.sorted { ($0.count, $1[0]) > ($1.count, $0[0]) }
  }

  /// A largest set of models of which every two gain: "the largest set that soups together". Of several, one; always the same.
  ///
  /// Branch and bound, where a greedy colouring bounds what a branch can still reach.
  /// - Complexity: exponential in the worst case; hundreds of models of these graphs take milliseconds.
  /// - Source: Tomita and Seki, 2003.
  public var largestClique: [Int] {
    var best: [Int] = []
    let order = (0..<count).sorted { (neighbours[$0].count, $1) > (neighbours[$1].count, $0) }
    expand([], order, &best)
    return best.sorted()
  }

  private func expand(_ clique: [Int], _ candidates: [Int], _ best: inout [Int]) {
    if candidates.isEmpty {
      if clique.count > best.count { best = clique }
      return
    }
    let (ordered, colors) = colored(candidates)
    for position in ordered.indices.reversed() {
      guard clique.count + colors[position] > best.count else { return }
      let node = ordered[position]
      expand(clique + [node], ordered[..<position].filter { neighbours[node].contains($0) }, &best)
    }
  }

  /// Candidates by colour, no two neighbours of one colour: of the first i, at most `colors[i]` are in one clique.
  private func colored(_ candidates: [Int]) -> (nodes: [Int], colors: [Int]) {
    var classes: [[Int]] = []
    for node in candidates {
      if let place = classes.firstIndex(where: { $0.allSatisfy { !neighbours[node].contains($0) } }) {
        classes[place].append(node)
      } else {
        classes.append([node])
      }
    }
    return (classes.flatMap(\.self), classes.enumerated().flatMap { index, nodes in nodes.map { _ in index + 1 } })
  }
}

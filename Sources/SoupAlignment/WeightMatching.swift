import CKernels
import Foundation
import SoupTensors

/// Renumbers the hidden units of one network so that its weights come as near to another's as they can: Git Re-Basin's weight
/// matching.
///
/// Maximises `⟨θ_a, P θ_b⟩` over permutations P that leave the function as it is, which is to minimise `‖θ_a − P θ_b‖`. One group after
/// the other gets its best order with all others held, a linear assignment, until none changes; the sum never falls. It starts along
/// the network: each group is first matched by those tensors alone whose other side is settled, so that a network that was merely
/// renumbered is found again. Where this ends below the sum of the unchanged numbering, it starts again from that.
///
/// Running statistics of batch norm are moved along and take no part in the matching.
///
/// ```swift
/// let result = try WeightMatching().align(b, to: a)
/// ```
/// - Source: Ainsworth, Hayase and Srinivasa, 2022, arXiv:2209.04836, algorithm 1.
public struct WeightMatching: Sendable {
  /// Passes over all groups at most.
  public var sweeps: Int
  /// Seed of the order in which groups take their turns.
  public var seed: UInt64
  /// The result does not depend on it.
  public var threads: Int

  public init(sweeps: Int = 100, seed: UInt64 = 0, threads: Int = ProcessInfo.processInfo.activeProcessorCount) {
    self.sweeps = sweeps
    self.seed = seed
    self.threads = max(1, threads)
  }

  public struct Result: Sendable {
    /// The second network, renumbered.
    public let weights: StateDict
    public let specification: PermutationSpecification
    public let permutations: Permutations
    /// `‖θ_a − θ_b‖` over trained parameters before and after, and the cosine of the two.
    public let before: Similarity
    public let after: Similarity
    /// Passes over all groups until nothing changed.
    public let sweeps: Int
    public let converged: Bool
  }

  public struct Similarity: Codable, Sendable, Hashable {
    public let distance: Double
    public let cosine: Double
  }

  /// - Parameters:
  ///   - b: the network to renumber.
  ///   - a: what it is brought near to; it stays as it is.
  ///   - heads: as for `PermutationSpecification.init`.
  ///   - progress: called after each assignment with the number of the pass, from 1.
  /// - Throws: `AlignmentError` for networks that differ in names, shapes or kinds of numbers, that are not known, or that hold
  ///   values that are not finite.
  public func align(
    _ b: StateDict, to a: StateDict, heads: Int? = nil, progress: (Int) throws -> Void = { _ in }
  ) throws -> Result {
    try Self.refuseDifferences(a, b)
    let specification = try PermutationSpecification(of: a, heads: heads)
    var solver = try Solver(a, b, specification, RowProducts(threads: threads))
    var outcome = try solver.run(.alongTheNetwork, self, progress)
    var aligned = try outcome.permutations(b, specification)
    let before = Self.similarity(a, b)
    var after = Self.similarity(a, aligned)
    if after.distance > before.distance {
      outcome = try solver.run(.unchanged, self, progress)
      aligned = try outcome.permutations(b, specification)
      after = Self.similarity(a, aligned)
    }
    return Result(
      weights: aligned, specification: specification, permutations: outcome.permutations, before: before, after: after,
      sweeps: outcome.sweeps, converged: outcome.converged)
  }

  private static func refuseDifferences(_ a: StateDict, _ b: StateDict) throws(AlignmentError) {
    var problems = a.names.filter { b[$0] == nil }.map { "'\($0)' is missing from the second" }
    problems += b.names.filter { a[$0] == nil }.map { "'\($0)' is missing from the first" }
    var broken: [String] = []
    for (name, tensor) in a {
      guard let other = b[name] else { continue }
      if tensor.shape != other.shape { problems.append("'\(name)' has shapes \(tensor.shape) and \(other.shape)") }
      if tensor.dtype.isFloatingPoint != other.dtype.isFloatingPoint {
        problems.append("'\(name)' is \(tensor.dtype.name) and \(other.dtype.name)")
      }
      for (which, tensor) in [("first", tensor), ("second", other)] where tensor.dtype.isFloatingPoint {
        var statistics = ck_statistics_empty()
        tensor.withUnsafeBytes {
          ck_statistics_add(ck_best_level(), tensor.dtype.kernelCode, $0.baseAddress, tensor.count, &statistics)
        }
        let bad = statistics.nans + statistics.infinities
        if bad > 0 { broken.append("'\(name)' of the \(which) has \(bad)") }
      }
    }
    guard problems.isEmpty else {
      throw AlignmentError(.different, "the two networks are not of one architecture:", problems)
    }
    guard broken.isEmpty else { throw AlignmentError(.notFinite, "values that are NaN or infinite:", broken) }
  }

  /// Whether a tensor is a trained parameter rather than a running statistic or a counter.
  static func isMatched(_ name: String, _ tensor: HostTensor) -> Bool {
    tensor.dtype.isFloatingPoint && !name.hasSuffix("running_mean") && !name.hasSuffix("running_var")
  }

  private static func similarity(_ a: StateDict, _ b: StateDict) -> Similarity {
    var sums = ck_comparison()
    for (name, tensor) in a {
      guard isMatched(name, tensor), let other = b[name] else { continue }
      tensor.withUnsafeBytes { x in
        other.withUnsafeBytes { y in
          ck_compare(
            ck_best_level(), tensor.dtype.kernelCode, x.baseAddress, other.dtype.kernelCode, y.baseAddress, CK_F32, nil,
            tensor.count, &sums)
        }
      }
    }
    let norms = (sums.aa * sums.bb).squareRoot()
    return Similarity(distance: sums.dd.squareRoot(), cosine: norms > 0 ? sums.ab / norms : 0)
  }
}

/// The state of one coordinate descent.
private struct Solver {
  enum Start { case alongTheNetwork, unchanged }

  struct Outcome {
    let permutations: Permutations
    let sweeps: Int
    let converged: Bool
  }

  /// Groups that get their orders together: one, or queries, keys and values of an attention.
  private enum Turn {
    case group(Int)
    case heads(PermutationSpecification.Heads)

    var groups: [Int] {
      switch self {
      case .group(let group): [group]
      case .heads(let heads): [heads.queryKey, heads.value]
      }
    }
  }

  private let a: [String: HostTensor]
  private let b: [String: HostTensor]
  private let specification: PermutationSpecification
  private let products: RowProducts
  private let turns: [Turn]
  /// Matched axes of each group, by their places in `specification.axes`.
  private let axes: [[Int]]
  /// The matched axis along the other dimension of each axis's tensor.
  private let across: [Int?]
  private var orders: [[Int]]

  init(
    _ a: StateDict, _ b: StateDict, _ specification: PermutationSpecification, _ products: RowProducts
  ) throws {
    self.specification = specification
    self.products = products
    let names = Set(specification.axes.map(\.tensor))
    func floats(_ weights: StateDict) throws -> [String: HostTensor] {
      try names.reduce(into: [:]) { result, name in
        guard let tensor = weights[name], WeightMatching.isMatched(name, tensor) else { return }
        result[name] =
          tensor.dtype == .float32 ? tensor : try HostTensor(floats: tensor.floats(), shape: tensor.shape)
      }
    }
    self.a = try floats(a)
    self.b = try floats(b)
    let inHeads = Set(specification.heads.flatMap { [$0.queryKey, $0.value] })
    turns =
      specification.groups.indices.filter { !inHeads.contains($0) }.map(Turn.group)
      + specification.heads.map(Turn.heads)
    var axes = [[Int]](repeating: [], count: specification.groups.count)
    var places: [String: [Int]] = [:]
    for (index, axis) in specification.axes.enumerated() where self.a[axis.tensor] != nil {
      for group in axis.positions.keys { axes[group].append(index) }
      places[axis.tensor, default: []].append(index)
    }
    self.axes = axes
    across = specification.axes.enumerated().map { index, axis in places[axis.tensor]?.first { $0 != index } }
    orders = specification.groups.map { Array(0..<$0.size) }
  }

  mutating func run(_ start: Start, _ matching: WeightMatching, _ progress: (Int) throws -> Void) throws -> Outcome {
    orders = specification.groups.map { Array(0..<$0.size) }
    if start == .alongTheNetwork { try matchAlongTheNetwork(progress) }
    // A group's best order can change only after a neighbour's did.
    var isStale = [Bool](repeating: true, count: turns.count)
    let turnOf = turns.enumerated().reduce(into: [Int: Int]()) { result, turn in
      for group in turn.element.groups { result[group] = turn.offset }
    }
    let random = CounterGenerator(seed: matching.seed).derived("weight matching")
    for sweep in 0..<matching.sweeps {
      var generator = random.derived(UInt64(sweep))
      var hasChanged = false
      for index in generator.permutation(turns.count) where isStale[index] {
        isStale[index] = false
        let turn = turns[index]
        if assign(turn, settled: nil) {
          hasChanged = true
          for neighbour in neighbours(of: turn) { if let place = turnOf[neighbour] { isStale[place] = true } }
        }
        try progress(sweep + 1)
      }
      if !hasChanged { return try outcome(sweeps: sweep + 1, converged: true) }
    }
    return try outcome(sweeps: matching.sweeps, converged: false)
  }

  private func outcome(sweeps: Int, converged: Bool) throws -> Outcome {
    Outcome(permutations: try Permutations(orders, of: specification), sweeps: sweeps, converged: converged)
  }

  /// Each group once, first the one that the largest part of whose numbers lies between settled units.
  private mutating func matchAlongTheNetwork(_ progress: (Int) throws -> Void) throws {
    var settled: Set<Int> = []
    var left = Array(turns.indices)
    while !left.isEmpty {
      let shares = left.map { settledShare(turns[$0], settled) }
      let best = shares.indices.max { shares[$0] < shares[$1] || (shares[$0] == shares[$1] && $0 > $1) }!
      let turn = turns[left.remove(at: best)]
      _ = assign(turn, settled: shares[best] > 0 ? settled : nil)
      settled.formUnion(turn.groups)
      try progress(0)
    }
  }

  private func isSettled(_ axis: Int, _ settled: Set<Int>) -> Bool {
    across[axis].map { specification.axes[$0].positions.keys.allSatisfy(settled.contains) } ?? true
  }

  private func settledShare(_ turn: Turn, _ settled: Set<Int>) -> Double {
    var (known, all) = (0, 0)
    for axis in turn.groups.flatMap({ axes[$0] }) {
      let count = a[specification.axes[axis].tensor]?.count ?? 0
      all += count
      if isSettled(axis, settled) { known += count }
    }
    return all > 0 ? Double(known) / Double(all) : 0
  }

  private func neighbours(of turn: Turn) -> Set<Int> {
    Set(turn.groups.flatMap { axes[$0] }.compactMap { across[$0] }.flatMap { specification.axes[$0].positions.keys })
  }

  /// Gives groups their best order with all others held.
  /// - Parameter settled: only tensors between settled units count; nil for all.
  /// - Returns: whether the sum has grown.
  private mutating func assign(_ turn: Turn, settled: Set<Int>?) -> Bool {
    switch turn {
    case .group(let group):
      let values = similarities(group, settled)
      let n = specification.groups[group].size
      return accept([group: LinearAssignment.maximizing(values, count: n)], [group: values])
    case .heads(let heads):
      let values = [
        heads.queryKey: similarities(heads.queryKey, settled), heads.value: similarities(heads.value, settled),
      ]
      return accept(Self.headOrders(heads, values, width: specification.groups[heads.queryKey].size), values)
    }
  }

  private mutating func accept(_ found: [Int: [Int]], _ values: [Int: [Double]]) -> Bool {
    func sum(_ group: Int, _ order: [Int]) -> Double {
      order.enumerated().reduce(0) { $0 + values[group]![$1.offset * order.count + $1.element] }
    }
    let now = found.keys.reduce(0) { $0 + sum($1, orders[$1]) }
    let then = found.reduce(0) { $0 + sum($1.key, $1.value) }
    guard then > now + 1e-9 * max(abs(now), abs(then)) else { return false }
    for (group, order) in found { orders[group] = order }
    return true
  }

  /// How well each unit of a fits each unit of b, `[n][n]`, with b's other units in their present order.
  private func similarities(_ group: Int, _ settled: Set<Int>?) -> [Double] {
    let n = specification.groups[group].size
    var sums = [Double](repeating: 0, count: n * n)
    for place in axes[group] {
      if let settled, !isSettled(place, settled) { continue }
      let axis = specification.axes[place]
      guard let left = a[axis.tensor], let right = b[axis.tensor], let positions = axis.positions[group] else {
        continue
      }
      products.add(
        left, right, dimension: axis.dimension, positions: positions,
        across: across[place].flatMap { specification.axes[$0].sources(orders) }, to: &sums)
    }
    return sums
  }

  /// The best heads for heads, each pair at the best order of the dimensions inside.
  private static func headOrders(
    _ heads: PermutationSpecification.Heads, _ values: [Int: [Double]], width: Int
  ) -> [Int: [Int]] {
    let (count, size) = (heads.count, width / heads.count)
    let groups = [heads.queryKey, heads.value]
    var inside: [[[Int]]] = []
    var fit = [Double](repeating: 0, count: count * count)
    for own in 0..<count {
      for other in 0..<count {
        let orders = groups.map { group in
          var block: [Double] = []
          for row in own * size..<(own + 1) * size {
            block += values[group]![row * width + other * size..<row * width + (other + 1) * size]
          }
          let order = LinearAssignment.maximizing(block, count: size)
          fit[own * count + other] += order.enumerated().reduce(0) { $0 + block[$1.offset * size + $1.element] }
          return order
        }
        inside.append(orders)
      }
    }
    let chosen = LinearAssignment.maximizing(fit, count: count)
    return groups.enumerated().reduce(into: [:]) { result, group in
      result[group.element] = (0..<count).flatMap { own in
        inside[own * count + chosen[own]][group.offset].map { chosen[own] * size + $0 }
      }
    }
  }
}

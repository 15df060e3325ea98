/// Where transitivity fails: triangles with at least two pairs that gain, of which the third does or does not.
///
/// Two ways to count. `corners`: every corner A whose AB and AC gain; it fails where BC does not (a triangle with three gains has three
/// such corners, one with two has one). Published: all three corners of every triangle with at least two gains; a triangle with two gains
/// then has one failure in three.
/// - Source: Ghyselincks et al., *When is Model Souping Tasty?*, 2026, tables 1 and 2.
public struct TriangleFailures: Sendable, Codable {
  public struct Group: Sendable, Codable, Hashable {
    /// Triangles with three and with exactly two pairs that gain.
    public var closed: Int
    public var open: Int

    public var corners: Int { 3 * closed + open }
    /// P(BC does not gain | AB and AC gain).
    public var rate: Double { Double(open) / Double(max(corners, 1)) }
    /// Of all corners of these triangles, as published.
    public var publishedRate: Double { Double(open) / Double(max(3 * (closed + open), 1)) }
  }

  /// By the epochs that all three models share.
  public struct Shared: Sendable, Codable, Hashable {
    public var sharedEpochs: Int
    public var group: Group

    private enum CodingKeys: String, CodingKey {
      case group
      case sharedEpochs = "shared_epochs"
    }
  }

  /// Corners A that left the trunk strictly before B and C, with AB and AC gaining, by how far apart B and C left it.
  public struct Distance: Sendable, Codable, Hashable {
    /// |branch epoch of B − branch epoch of C| from (not included unless it is the smallest) and to (included).
    public var low: Double
    public var high: Double
    public var corners: Int
    public var failed: Int
    public var rate: Double { Double(failed) / Double(max(corners, 1)) }
  }

  /// A triangle with two pairs that gain and a third that loses.
  public struct Triple: Sendable, Codable, Hashable {
    /// Indices: the model that soups with both others, then those.
    public var anchor: Int
    public var first: Int
    public var second: Int
    /// The gains of anchor with first, anchor with second, first with second.
    public var gains: [Double]
  }

  public let gain: SoupGain
  public let total: Group
  /// Empty where branch epochs are not known.
  public let shared: [Shared]
  public let distances: [Distance]
  /// Shared epochs of the triangles that count in `distances`; nil for all.
  public let window: ClosedRange<Int>?
  /// The open triangles whose third pair loses the most, the worst first; of equal pairs, one.
  public let worst: [Triple]

  /// - Parameters:
  ///   - window: shared epochs of the triangles that count in `distances`; nil for all (published: 220 to 240).
  ///   - bins: at most, of equal counts, for `distances`; equal borders are merged.
  /// - Complexity: n³ for n models.
  public init(
    _ table: PairTable, gain: SoupGain = SoupGain(.loss), window: ClosedRange<Int>? = nil, bins: Int = 5,
    worst: Int = 10
  ) {
    self.gain = gain
    self.window = window
    let n = table.models.count
    let gains = table.matrix { gain.value($0, in: table) }
    let branches = table.models.map(\.branchEpoch)
    var total = Group(closed: 0, open: 0)
    var shared: [Int: Group] = [:]
    var corners: [(distance: Int, failed: Bool)] = []
    // Of each pair that fails, the anchor that gains the most with both.
    var open: [Int: Triple] = [:]
    for i in 0..<n {
      for j in i + 1..<max(n, i + 1) where !gains[i * n + j].isNaN {
        for k in j + 1..<max(n, j + 1) {
          let edges = [gains[i * n + j], gains[i * n + k], gains[j * n + k]]
          if edges[1].isNaN || edges[2].isNaN { continue }
          let positive = edges.count { SoupGain.isAbove($0) }
          guard positive > 1 else { continue }
          if positive == 3 { total.closed += 1 } else { total.open += 1 }
          let roles = [(i, j, k), (j, i, k), (k, i, j)]
          if positive == 2 {
            for (a, b, c) in roles where !SoupGain.isAbove(gains[b * n + c]) {
              let triple = Triple(
                anchor: a, first: b, second: c, gains: [gains[a * n + b], gains[a * n + c], gains[b * n + c]])
              let known = open[b * n + c].map { min($0.gains[0], $0.gains[1]) } ?? -.infinity
              if min(triple.gains[0], triple.gains[1]) > known { open[b * n + c] = triple }
            }
          }
          guard let ei = branches[i], let ej = branches[j], let ek = branches[k] else { continue }
          let epochs = min(ei, ej, ek)
          if positive == 3 {
            shared[epochs, default: Group(closed: 0, open: 0)].closed += 1
          } else {
            shared[epochs, default: Group(closed: 0, open: 0)].open += 1
          }
          guard window?.contains(epochs) ?? true else { continue }
          for (a, b, c) in roles {
            guard branches[a]! < branches[b]!, branches[a]! < branches[c]!, SoupGain.isAbove(gains[a * n + b]),
              SoupGain.isAbove(gains[a * n + c])
            else { continue }
            corners.append((abs(branches[b]! - branches[c]!), !SoupGain.isAbove(gains[b * n + c])))
          }
        }
      }
    }
    self.total = total
    self.shared = shared.sorted { $0.key < $1.key }.map { Shared(sharedEpochs: $0.key, group: $0.value) }
    distances = Self.binned(corners, bins)
    self.worst = Array(
      open.values.sorted { ($0.gains[2], $0.first, $0.second) < ($1.gains[2], $1.first, $1.second) }.prefix(worst))
  }

  private static func binned(_ corners: [(distance: Int, failed: Bool)], _ bins: Int) -> [Distance] {
    guard !corners.isEmpty else { return [] }
    let sorted = corners.map { Double($0.distance) }.sorted()
    var borders: [Double] = []
    for bin in 0...max(bins, 1) {
      let border = PairedBootstrap.quantile(sorted, Double(bin) / Double(max(bins, 1)))
      if borders.last != border { borders.append(border) }
    }
    if borders.count == 1 { borders.insert(borders[0], at: 0) }
    return zip(borders, borders.dropFirst()).enumerated().map { index, ends in
      let inside = corners.filter {
        let value = Double($0.distance)
        return value <= ends.1 && (index == 0 ? value >= ends.0 : value > ends.0)
      }
      return Distance(low: ends.0, high: ends.1, corners: inside.count, failed: inside.count(where: \.failed))
    }
  }
}

import SoupAnalysis

/// The same soups with batch-norm statistics averaged and recomputed: how many collapses become soups?
public struct PolicyFigures {
  /// Counts of pairs by what they are under both policies.
  public struct Turn: Sendable, Hashable {
    public var from: String
    public var to: String
    public var pairs: Int
    public var collapsed: (Int, Int)
    public var gaining: (Int, Int)
    /// Collapsed under the first, not under the second; and gaining there.
    public var rescued: Int
    public var turned: Int
    /// Gaining under the first, not under the second.
    public var lost: Int

    public static func == (a: Turn, b: Turn) -> Bool { a.from == b.from && a.to == b.to && a.pairs == b.pairs }
    public func hash(into hasher: inout Hasher) { hasher.combine(from) }
  }

  /// Pairs of one table beside those of the other with the same names, whichever is first.
  static func joined(_ first: PairTable, _ second: PairTable) -> [(PairTable.Pair, PairTable.Pair)] {
    func key(_ pair: PairTable.Pair, _ table: PairTable) -> [String] {
      [table.models[pair.a].name, table.models[pair.b].name].sorted()
    }
    let others = Dictionary(second.pairs.map { (key($0, second), $0) }) { first, _ in first }
    return first.pairs.compactMap { pair in others[key(pair, first)].map { (pair, $0) } }
  }

  static func turn(_ from: String, _ first: PairTable, _ to: String, _ second: PairTable, _ gain: SoupGain) -> Turn {
    let pairs = joined(first, second)
    func gains(_ pair: PairTable.Pair, _ table: PairTable) -> Bool {
      gain.value(pair, in: table).map { SoupGain.isAbove($0) } ?? false
    }
    return Turn(
      from: from, to: to, pairs: pairs.count,
      collapsed: (pairs.count { first.isCollapsed($0.0) }, pairs.count { second.isCollapsed($0.1) }),
      gaining: (pairs.count { gains($0.0, first) }, pairs.count { gains($0.1, second) }),
      rescued: pairs.count { first.isCollapsed($0.0) && !second.isCollapsed($0.1) },
      turned: pairs.count { first.isCollapsed($0.0) && gains($0.1, second) },
      lost: pairs.count { gains($0.0, first) && !gains($0.1, second) })
  }

  static func figures(
    _ from: String, _ first: PairTable, _ to: String, _ second: PairTable, _ gain: SoupGain
  ) -> [Figure] {
    let pairs = joined(first, second).compactMap { a, b -> (x: Double, y: Double, pair: PairTable.Pair)? in
      guard let x = gain.value(a, in: first), let y = gain.value(b, in: second) else { return nil }
      return (x, y, a)
    }
    guard pairs.count > 2 else { return [] }
    return [scatter(from, to, pairs, first, gain), chance(from, first, to, second, gain)].compactMap(\.self)
  }

  private static func scatter(
    _ from: String, _ to: String, _ pairs: [(x: Double, y: Double, pair: PairTable.Pair)], _ table: PairTable,
    _ gain: SoupGain
  ) -> Figure {
    let (x, y) = (pairs.map(\.x), pairs.map(\.y))
    let shared = pairs.map { table.sharedEpochs($0.pair).map(Double.init) }
    var data = DataTable(["x", "y", "pairs", "shared", "a", "b"])
    let isBinned = pairs.count > GainAgainstSimilarity.limit
    if isBinned {
      let constant = GainAxis.constant(gain)
      let grid = DensityGrid(x, y, shades: shared, columns: 40, rows: 30, scale: (constant, constant))
      for cell in grid.cells.sorted(by: { $0.count > $1.count }) {
        data.add([rounded(cell.x), rounded(cell.y), .number(Double(cell.count)), JSON(cell.shade)])
      }
    } else {
      for (index, point) in pairs.enumerated() {
        data.add([
          rounded(point.x), rounded(point.y), 1, JSON(shared[index]), .string(table.models[point.pair.a].name),
          .string(table.models[point.pair.b].name),
        ])
      }
    }
    var diagonal = DataTable(["x", "y"])
    for end in [max(x.min()!, y.min()!), min(x.max()!, y.max()!)] { diagonal.add([.number(end), .number(end)]) }
    let better = zip(x, y).count { $1 > $0 }
    return Figure(
      id: "policy-\(Identifier.make(to))", title: "Batch norm \(to) against \(from)",
      caption:
        "Each pair's gain with batch-norm statistics \(from) and \(to); above the dashed line \(to) is better: \(better) of \(pairs.count) pairs. "
        + GainAxis.definition(gain) + ". Colour: the epochs they were trained together."
        + (isBinned ? " A mark stands for all pairs near it." : ""),
      alternative: "Scatter plot of gains with batch-norm statistics \(from) against \(to) for \(pairs.count) pairs.",
      layout: .half,
      aspect: 1.3,
      specification: [
        "layer": [
          GainAxis.zero("x"), GainAxis.zero("y"),
          [
            "data": ["name": "diagonal"],
            "mark": ["type": "line", "color": "@faint", "strokeDash": [4, 3], "strokeWidth": 1.2],
            "encoding": ["x": ["field": "x", "type": "quantitative"], "y": ["field": "y", "type": "quantitative"]],
          ],
          [
            "data": ["name": "data"], "mark": ["type": "point", "filled": true, "opacity": 1],
            "encoding": [
              "x": GainAxis.encoding("x", "Gain, \(from) (\(GainAxis.unit(gain)))", gain, x),
              "y": GainAxis.encoding("y", "Gain, \(to) (\(GainAxis.unit(gain)))", gain, y),
              "size": [
                "field": "pairs", "type": "quantitative", "legend": nil,
                "scale": ["type": "sqrt", "range": isBinned ? [9, 190] : [24, 24]],
              ],
              "color": GainAxis.sharedEpochs(table),
              "tooltip": Encoding.tooltip([
                ("a", "first", nil), ("b", "second", nil), ("x", from, "+.4~r"), ("y", to, "+.4~r"),
                ("shared", "shared epochs", ".0f"),
              ]),
            ],
          ],
        ]
      ], tables: ["data": data, "diagonal": diagonal])
  }

  private static func chance(
    _ from: String, _ first: PairTable, _ to: String, _ second: PairTable, _ gain: SoupGain
  ) -> Figure? {
    var data = DataTable(["policy", "what", "shared", "pairs", "value", "low", "high"])
    for (name, table) in [(from, first), (to, second)] {
      let curves = GainCurves(table, gain: gain)
      guard curves.groups.count > 1, let zero = curves.thresholds.firstIndex(of: 0) else { return nil }
      for group in curves.groups {
        for (what, estimate) in [("gains", group.above[zero]), ("collapsed", group.collapsed)] {
          let interval = estimate.models ?? estimate.pairs
          data.add(
            [.string(name), .string(what), .number(Double(group.sharedEpochs)), .number(Double(group.pairs))]
              + [estimate.value, interval.lower, interval.upper].map { rounded($0 * 100, digits: 4) })
        }
      }
    }
    let color: JSON = [
      "field": "policy", "type": "nominal", "legend": ["title": "batch norm"],
      "scale": ["domain": [.string(from), .string(to)], "range": ["@faint", "@blue"]],
    ]
    let dash: JSON = [
      "field": "what", "type": "nominal",
      "legend": ["title": nil, "symbolType": "stroke", "symbolSize": 300, "symbolFillColor": "transparent"],
      "scale": ["domain": ["gains", "collapsed"], "range": [[1, 0], [5, 3]]],
    ]
    return Figure(
      id: "policy-chance-\(Identifier.make(to))", title: "Gains and collapses, \(from) and \(to)",
      caption:
        "Share of pairs that gain (solid, with 95 % bootstrap bands over models) and of soups that have collapsed below "
        + "\(Text.fixed(first.collapse, 0)) % accuracy (dashed), by shared epochs. \(GainAxis.definition(gain)).",
      alternative: "Curves of gains and collapses over shared epochs for batch-norm statistics \(from) and \(to).",
      layout: .half,
      aspect: 1.3,
      specification: [
        "data": ["name": "data"],
        "encoding": ["x": Encoding.quantity("shared", "Epochs trained together"), "color": color],
        "layer": [
          [
            "transform": [["filter": "datum.what === 'gains'"]], "mark": ["type": "area", "opacity": 0.15],
            "encoding": ["y": ["field": "low", "type": "quantitative"], "y2": ["field": "high"]],
          ],
          [
            "mark": ["type": "line", "strokeWidth": 2, "point": ["filled": true, "size": 34]],
            "encoding": [
              "y": Encoding.quantity("value", "Pairs (%)", zero: true, domain: [0, 100]), "strokeDash": dash,
              "tooltip": Encoding.tooltip([
                ("policy", "batch norm", nil), ("what", "", nil), ("shared", "shared epochs", "d"),
                ("value", "pairs (%)", ".1f"), ("low", "from", ".1f"), ("high", "to", ".1f"),
              ]),
            ],
          ],
        ],
      ], tables: ["data": data])
  }
}

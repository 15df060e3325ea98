import SoupAnalysis

/// Clean against corrupted gains, and what corruption costs a soup.
public struct RobustnessFigures {
  public static func figures(_ table: PairTable, _ gap: RobustnessGap?) -> [Figure] {
    guard let gap else { return [] }
    return [cleanAgainstCorrupted(table, gap), differences(gap)].compactMap(\.self)
  }

  private static func cleanAgainstCorrupted(_ table: PairTable, _ gap: RobustnessGap) -> Figure? {
    let points = table.pairs.compactMap { pair -> (x: Double, y: Double, shared: Double?)? in
      guard let x = gap.clean.value(pair, in: table), let y = gap.corrupted.value(pair, in: table) else { return nil }
      return (x, y, table.sharedEpochs(pair).map(Double.init))
    }
    guard points.count > 2 else { return nil }
    let (x, y) = (points.map(\.x), points.map(\.y))
    let constant = GainAxis.constant(gap.clean)
    let isBinned = points.count > GainAgainstSimilarity.limit
    var data = DataTable(["clean", "corrupted", "pairs", "shared"])
    if isBinned {
      let grid = DensityGrid(x, y, shades: points.map(\.shared), columns: 40, rows: 30, scale: (constant, constant))
      for cell in grid.cells.sorted(by: { $0.count > $1.count }) {
        data.add([
          rounded(cell.x), rounded(cell.y), .number(Double(cell.count)),
          cell.shade.map { rounded($0, digits: 3) } ?? .null,
        ])
      }
    } else {
      for point in points { data.add([rounded(point.x), rounded(point.y), 1, JSON(point.shared)]) }
    }
    let counts = gap.counts
    return Figure(
      id: "clean-against-corrupted", title: "Clean gains and corrupted gains",
      caption:
        "Gain on clean against gain on corrupted images, \(gap.pairs) pairs scored on both. \(GainAxis.definition(gap.clean)). "
        + "\(counts[0]) gain on both, \(counts[1]) on clean images alone, \(counts[2]) on corrupted alone, \(counts[3]) on neither. "
        + "Spearman \(Text.fixed(gap.spearman.coefficient, 3)), Pearson \(Text.fixed(gap.pearson.coefficient, 3))."
        + (isBinned ? " A mark stands for all pairs near it, its area for how many." : ""),
      alternative:
        "Scatter plot of clean against corrupted gains; Spearman \(Text.fixed(gap.spearman.coefficient, 3)).",
      layout: .half, aspect: 1.3,
      specification: [
        "layer": [
          GainAxis.zero("x"), GainAxis.zero("y"),
          [
            "data": ["name": "data"], "mark": ["type": "point", "filled": true, "opacity": 1],
            "encoding": [
              "x": GainAxis.encoding("clean", GainAxis.title(gap.clean), gap.clean, x),
              "y": GainAxis.encoding("corrupted", GainAxis.title(gap.corrupted), gap.clean, y),
              "size": [
                "field": "pairs", "type": "quantitative", "legend": nil,
                "scale": ["type": "sqrt", "range": isBinned ? [9, 190] : [24, 24]],
              ],
              "color": GainAxis.sharedEpochs(table),
              "tooltip": Encoding.tooltip([
                ("pairs", "pairs", "d"), ("clean", "clean gain", "+.4~r"), ("corrupted", "corrupted gain", "+.4~r"),
                ("shared", "shared epochs", ".0f"),
              ]),
            ],
          ],
        ]
      ], tables: ["data": data])
  }

  private static func differences(_ gap: RobustnessGap) -> Figure? {
    guard gap.groups.count > 1 else { return nil }
    var data = DataTable(["shared", "pairs", "low", "median", "high", "sturdier"])
    for group in gap.groups {
      data.add(
        [.number(Double(group.sharedEpochs)), .number(Double(group.pairs))] + group.differences.map { rounded($0) }
          + [.percent(group.sturdier)])
    }
    let gain = SoupGain(.loss)
    let all = gap.groups.flatMap(\.differences)
    return Figure(
      id: "robustness-gap", title: "What corruption costs the soup",
      caption:
        "Robustness r = clean loss − corrupted loss (below 0). Shown: the frailer parent's r minus the soup's, median and the middle 80 % of "
        + "pairs, by shared epochs, in nats. Below 0, corruption costs the soup less than that parent. Collapsed soups without a corrupted score are left out.",
      alternative: "Median and range of the robustness difference over shared epochs.", layout: .half, aspect: 1.3,
      specification: [
        "data": ["name": "data"],
        "layer": [
          GainAxis.zero("y"),
          [
            "mark": ["type": "area", "color": "@teal", "opacity": 0.2],
            "encoding": [
              "x": ["field": "shared", "type": "quantitative"], "y": ["field": "low", "type": "quantitative"],
              "y2": ["field": "high"],
            ],
          ],
          [
            "mark": ["type": "line", "color": "@teal", "strokeWidth": 2, "point": ["color": "@teal", "size": 34]],
            "encoding": [
              "x": Encoding.quantity("shared", "Epochs trained together"),
              "y": GainAxis.encoding("median", "min(r of parents) − r of the soup (nats)", gain, all),
              "tooltip": Encoding.tooltip([
                ("shared", "shared epochs", "d"), ("pairs", "pairs", "d"), ("median", "median", "+.4~r"),
                ("low", "10 %", "+.4~r"), ("high", "90 %", "+.4~r"), ("sturdier", "soup sturdier (%)", ".1f"),
              ]),
            ],
          ],
        ],
      ], tables: ["data": data])
  }
}

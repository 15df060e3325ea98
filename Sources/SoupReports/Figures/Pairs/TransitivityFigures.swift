import SoupAnalysis

/// If A soups with B and with C, do B and C soup?
public struct TransitivityFigures {
  public static func figures(_ table: PairTable, _ analysis: PairAnalysis) -> [Figure] {
    guard let found = analysis.transitivity else { return [] }
    let roles: Transitivity.Roles = found.minimum.count > found.triangles ? .all : .first
    let corners = Transitivity.corners(table, gain: analysis.gain, roles: roles)
    let gain = analysis.gain
    return [
      bars(found, gain),
      scatter("minimum", "smaller", corners.smaller, corners.others, found.minimum, found.minimumPearson, gain),
      scatter("mean", "mean", corners.means, corners.others, found.mean, found.meanPearson, gain),
    ] + (analysis.failures.map { [bySharedEpochs($0), byDistance($0)].compactMap(\.self) } ?? [])
  }

  private static func bars(_ found: Transitivity, _ gain: SoupGain) -> Figure {
    var data = DataTable(["edges", "chance", "low", "high", "corners", "gaining"])
    for (edges, count) in found.counts.enumerated() where count > 0 {
      let positive = Int(((found.positive[edges] ?? 0) * Double(count)).rounded())
      let interval = found.intervals[edges]
      data.add([
        .string(["none gains", "one gains", "both gain"][edges]), .percent(found.positive[edges]),
        .percent(interval?.lower), .percent(interval?.upper), .number(Double(count)), .number(Double(positive)),
      ])
    }
    let x: JSON = [
      "field": "edges", "type": "nominal", "sort": nil,
      "axis": ["title": "of A–B and A–C", "labelAngle": 0, "ticks": false],
      "scale": ["paddingInner": 0.45, "paddingOuter": 0.3],
    ]
    return Figure(
      id: "transitivity-bars", title: "Friends of friends",
      caption: "P(B–C gains), given how many of A–B and A–C gain, over \(found.triangles) triangles"
        + (found.minimum.count > found.triangles ? " looked at from each corner A" : ", one corner A of each")
        + ". \(GainAxis.definition(gain)). A published table took one corner of each triangle. Lines: 95 % intervals over models (each left out in turn).",
      alternative: "Bars: "
        + data.rows.map { "\($0[0].string ?? "") \(Text.fixed($0[1].number ?? 0, 1)) %" }.joined(separator: ", ")
        + ".", layout: .small, aspect: 1.1,
      specification: [
        "data": ["name": "data"],
        "layer": [
          [
            "mark": ["type": "bar", "color": "@blue", "cornerRadiusEnd": 3],
            "encoding": [
              "x": x, "y": Encoding.quantity("chance", "B–C gains (%)", zero: true, domain: [0, 100]),
              "tooltip": Encoding.tooltip([
                ("edges", "of A–B, A–C", nil), ("chance", "B–C gains (%)", ".2f"), ("corners", "corners", ",d"),
                ("gaining", "of them B–C gains", ",d"),
              ]),
            ],
          ],
          [
            "mark": ["type": "rule", "color": "@ink", "strokeWidth": 1.4],
            "encoding": [
              "x": x, "y": ["field": "low", "type": "quantitative"], "y2": ["field": "high"],
            ],
          ],
          [
            "mark": ["type": "text", "dx": 20, "dy": -9, "color": "@ink", "fontSize": 13, "fontWeight": 600],
            "encoding": [
              "x": x, "y": ["field": "chance", "type": "quantitative"],
              "text": ["field": "chance", "type": "quantitative", "format": ".1f"],
            ],
          ],
        ],
      ], tables: ["data": data])
  }

  private static func scatter(
    _ id: String, _ word: String, _ x: [Double], _ y: [Double], _ spearman: Correlation, _ pearson: Correlation,
    _ gain: SoupGain
  ) -> Figure {
    let constant = GainAxis.constant(gain)
    let grid = DensityGrid(x, y, columns: 30, rows: 30, scale: (constant, constant))
    var data = DataTable(["left", "right", "bottom", "top", "corners"])
    for cell in grid.cells {
      data.add(
        [cell.left, cell.right, cell.bottom, cell.top].map { rounded($0, digits: 4) } + [.number(Double(cell.count))])
    }
    var diagonal = DataTable(["x", "y"])
    let ends = [max(x.min() ?? 0, y.min() ?? 0), min(x.max() ?? 0, y.max() ?? 0)]
    for end in ends { diagonal.add([.number(end), .number(end)]) }
    func axis(_ field: String, _ title: String, _ values: [Double]) -> JSON {
      GainAxis.encoding(field, title, gain, values, tickCount: 5).merging(["scale": ["padding": 2]])
    }
    return Figure(
      id: "transitivity-\(id)", title: "Gain of B–C against the \(word) of A–B and A–C",
      caption:
        "Every corner of every triangle; the colour of a cell says how many corners are in it (logarithmic). Spearman "
        + "\(Text.fixed(spearman.coefficient, 3)), Pearson \(Text.fixed(pearson.coefficient, 3)) over \(spearman.count) corners. "
        + "\(GainAxis.definition(gain)). Lines: no gain, and equal gains.",
      alternative:
        "Density of the gain of the third pair against the \(word) gain of the others; Spearman \(Text.fixed(spearman.coefficient, 3)).",
      layout: .small, aspect: 1.1,
      specification: [
        "layer": [
          [
            "data": ["name": "data"], "mark": ["type": "rect"],
            "encoding": [
              "x": axis("left", "\(word.prefix(1).uppercased() + word.dropFirst()) gain of A–B, A–C", x),
              "x2": ["field": "right"],
              "y": axis("bottom", "Gain of B–C", y), "y2": ["field": "top"],
              "color": [
                "field": "corners", "type": "quantitative", "scale": ["type": "log", "range": "heatmap"],
                "legend": [
                  "title": "corners", "titleOrient": "left", "gradientLength": 90, "tickCount": 3, "format": "~s",
                ],
              ],
              "tooltip": Encoding.tooltip([
                ("corners", "corners", ",d"), ("left", "others from", "+.3~r"), ("right", "to", "+.3~r"),
                ("bottom", "B–C from", "+.3~r"), ("top", "to", "+.3~r"),
              ]),
            ],
          ],
          GainAxis.zero("x"), GainAxis.zero("y"),
          [
            "data": ["name": "diagonal"],
            "mark": ["type": "line", "color": "@faint", "strokeDash": [4, 3], "strokeWidth": 1.2],
            "encoding": ["x": ["field": "x", "type": "quantitative"], "y": ["field": "y", "type": "quantitative"]],
          ],
        ]
      ], tables: ["data": data, "diagonal": diagonal])
  }

  private static func bySharedEpochs(_ found: TriangleFailures) -> Figure? {
    guard found.shared.count > 1 else { return nil }
    var data = DataTable(["shared", "failed", "low", "high", "corners", "published", "closed", "open"])
    for row in found.shared {
      let interval = try? ProportionInterval.wilson(row.group.open, of: row.group.corners)
      data.add(
        [
          .number(Double(row.sharedEpochs)), .percent(row.group.rate), .percent(interval?.lower),
          .percent(interval?.upper),
        ]
          + [.number(Double(row.group.corners)), .percent(row.group.publishedRate)]
          + [row.group.closed, row.group.open].map { .number(Double($0)) })
    }
    return Figure(
      id: "failures-by-shared-epochs", title: "Where friends of friends fall out",
      caption:
        "Of corners A whose A–B and A–C gain, the share whose B–C does not, by the epochs that all three share (Wilson's 95 % "
        + "intervals as if corners were independent, which they are not). \(GainAxis.definition(found.gain)). The hollow marks count as published: all corners of triangles with "
        + "at least two gains.",
      alternative: "Curve of the share of failing triangles over \(found.shared.count) numbers of shared epochs.",
      layout: .half, aspect: 1.3,
      specification: [
        "data": ["name": "data"], "encoding": ["x": Encoding.quantity("shared", "Epochs that all three share")],
        "layer": [
          [
            "mark": ["type": "rule", "color": "@red", "strokeWidth": 1.4, "opacity": 0.6],
            "encoding": ["y": ["field": "low", "type": "quantitative"], "y2": ["field": "high"]],
          ],
          [
            "mark": ["type": "line", "color": "@red", "strokeWidth": 2, "point": ["color": "@red", "size": 40]],
            "encoding": [
              "y": Encoding.quantity("failed", "B–C does not gain (%)", zero: true),
              "tooltip": Encoding.tooltip([
                ("shared", "shared epochs", "d"), ("failed", "fails (%)", ".1f"), ("corners", "corners", ",d"),
                ("published", "as published (%)", ".1f"), ("closed", "triangles of three gains", ",d"),
                ("open", "of two", ",d"),
              ]),
            ],
          ],
          [
            "mark": ["type": "point", "color": "@text", "filled": false, "size": 34, "opacity": 1],
            "encoding": ["y": ["field": "published", "type": "quantitative"]],
          ],
        ],
      ], tables: ["data": data])
  }

  private static func byDistance(_ found: TriangleFailures) -> Figure? {
    guard found.distances.count > 1 else { return nil }
    var data = DataTable(["distance", "failed", "low", "high", "corners", "failures"])
    for (index, row) in found.distances.enumerated() {
      let interval = row.corners > 0 ? try? ProportionInterval.wilson(row.failed, of: row.corners) : nil
      let low = Int(row.low)
      data.add(
        [.string((index == 0 ? "\(low)" : "> \(low)") + (row.low == row.high ? "" : " to \(Int(row.high))"))]
          + [row.rate, interval?.lower, interval?.upper].map { .percent($0) }
          + [row.corners, row.failed].map { .number(Double($0)) })
    }
    let x: JSON = [
      "field": "distance", "type": "nominal", "sort": nil,
      "axis": ["title": "Epochs between the branch points of B and C", "labelAngle": 0, "ticks": false],
      "scale": ["paddingInner": 0.35],
    ]
    return Figure(
      id: "failures-by-distance", title: "The farther apart, the frailer?",
      caption:
        "Of corners A that left the trunk before B and C, with A–B and A–C gaining, the share whose B–C does not gain, by how far "
        + "apart B and C left it; bins of equal counts, Wilson's 95 % intervals as if corners were independent. "
        + (found.window.map { "Triangles that share \($0.lowerBound) to \($0.upperBound) epochs. " } ?? "")
        + "\(GainAxis.definition(found.gain)).",
      alternative: "Bars of the share of failing triangles for \(found.distances.count) ranges of branch distance.",
      layout: .half, aspect: 1.3,
      specification: [
        "data": ["name": "data"], "encoding": ["x": x],
        "layer": [
          [
            "mark": ["type": "bar", "color": "@red", "opacity": 0.8, "cornerRadiusEnd": 3],
            "encoding": [
              "y": Encoding.quantity("failed", "B–C does not gain (%)", zero: true),
              "tooltip": Encoding.tooltip([
                ("distance", "epochs apart", nil), ("failed", "fails (%)", ".2f"), ("corners", "corners", ",d"),
                ("failures", "failures", ",d"),
              ]),
            ],
          ],
          [
            "mark": ["type": "rule", "color": "@ink", "strokeWidth": 1.3],
            "encoding": ["y": ["field": "low", "type": "quantitative"], "y2": ["field": "high"]],
          ],
        ],
      ], tables: ["data": data])
  }
}

import SoupAnalysis

/// Every model by branch point and variant: in the largest set that soups together, connected to it, or alone.
public struct SoupGridFigure {
  public static func figure(_ table: PairTable, _ analysis: PairAnalysis) -> Figure? {
    guard table.models.allSatisfy({ $0.branchEpoch != nil && $0.variant != nil }), table.models.count > 3 else {
      return nil
    }
    let graph = SoupGraph(table, gain: analysis.gain)
    let clique = Set(graph.largestClique)
    let titles = ["in the largest set that soups together", "gains with some", "gains with none"]
    var data = DataTable(["model", "branch", "variant", "group", "partners", "accuracy"])
    for (index, model) in table.models.enumerated() {
      let partners = graph.degree(index)
      data.add([
        .string(model.name), .number(Double(model.branchEpoch!)), .string(model.variant!),
        .string(clique.contains(index) ? titles[0] : partners > 0 ? titles[1] : titles[2]), .number(Double(partners)),
        .number(model.scores.accuracy),
      ])
    }
    let variants = Set(table.models.compactMap(\.variant)).count
    return Figure(
      id: "soup-grid", title: "The largest set that soups together",
      caption:
        "Every model by the epoch at which it left the trunk and its variant of training. Of the \(clique.count) in the largest set, every two "
        + "gain (\(analysis.gain.title)); the area of a mark is the number of models that it gains with.",
      alternative:
        "Grid of \(table.models.count) models; \(clique.count) of them in the largest set of which every two gain.",
      aspect: max(2, 680 / Double(variants * 34 + 40)), minimumHeight: Double(variants * 30 + 30),
      specification: [
        "data": ["name": "data"], "mark": ["type": "point", "filled": true, "opacity": 1],
        "encoding": [
          "x": Encoding.quantity("branch", "Branch epoch"),
          "y": [
            "field": "variant", "type": "nominal",
            "axis": ["title": "Variant", "ticks": false, "domain": false, "grid": false],
          ],
          "size": ["field": "partners", "type": "quantitative", "scale": ["range": [22, 260]], "legend": nil],
          "color": [
            "field": "group", "type": "nominal", "legend": ["title": nil, "labelLimit": 300],
            "scale": ["domain": .array(titles.map { .string($0) }), "range": ["@red", "@blue", "@faint"]],
          ],
          "tooltip": Encoding.tooltip([
            ("model", "model", nil), ("branch", "branch epoch", "d"), ("variant", "variant", nil),
            ("partners", "gains with", "d"), ("accuracy", "accuracy (%)", ".2f"),
          ]),
        ],
      ], tables: ["data": data])
  }
}

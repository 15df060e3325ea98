import SoupAnalysis

/// Models in the plane, near each other where their soup gains; lines join pairs that gain.
public struct SoupMap {
  public static func figure(_ table: PairTable, _ analysis: PairAnalysis) -> Figure? {
    guard let embedding = analysis.embedding, table.models.count > 2 else { return nil }
    let clique = Set(analysis.graph.largestClique)
    var (models, edges) = (
      DataTable(["model", "x", "y", "branch", "accuracy", "clique"]), DataTable(["x", "y", "x2", "y2"])
    )
    for (index, model) in table.models.enumerated() {
      models.add([
        .string(model.name), .number(embedding.x[index]), .number(embedding.y[index]),
        model.branchEpoch.map { .number(Double($0)) } ?? .null, .number(model.scores.accuracy),
        .bool(clique.contains(model.name)),
      ])
    }
    for pair in table.pairs {
      guard let gain = analysis.gain.value(pair, in: table), SoupGain.isAbove(gain) else { continue }
      edges.add(
        [embedding.x[pair.a], embedding.y[pair.a], embedding.x[pair.b], embedding.y[pair.b]].map { .number($0) })
    }
    func axis(_ field: String) -> JSON {
      [
        "field": .string(field), "type": "quantitative", "axis": nil,
        "scale": ["zero": false, "nice": false, "padding": 16],
      ]
    }
    let position: JSON = ["x": axis("x"), "y": axis("y")]
    return Figure(
      id: "soup-map", title: "What soups together",
      caption: "Models placed by metric multidimensional scaling of their soup distance (SMACOF, stress "
        + "\(Text.fixed(embedding.stress, 1))): near where the soup of two gains, far where it loses. Lines join the \(edges.rows.count) "
        + "pairs that gain; the largest set of which every two gain is ringed. \(GainAxis.definition(analysis.gain)).",
      alternative: "Map of \(models.rows.count) models with \(edges.rows.count) lines between pairs whose soup gains.",
      layout: .wide, aspect: 1.3,
      specification: [
        "encoding": position,
        "layer": [
          [
            "data": ["name": "edges"],
            "mark": ["type": "rule", "color": "@faint", "strokeWidth": 0.7, "strokeOpacity": 0.45],
            "encoding": ["x2": ["field": "x2"], "y2": ["field": "y2"]],
          ],
          [
            "data": ["name": "models"],
            "transform": [["filter": "datum.clique"]],
            "mark": [
              "type": "point", "filled": false, "size": 170, "stroke": "@red", "strokeWidth": 1.6, "opacity": 1,
            ],
          ],
          [
            "data": ["name": "models"],
            "mark": [
              "type": "point", "filled": true, "size": 70, "opacity": 1, "stroke": "@paper", "strokeWidth": 0.8,
            ],
            "encoding": [
              "color": [
                "field": "branch", "type": "quantitative", "scale": ["range": "ramp"],
                "legend": ["title": "branch epoch", "titleOrient": "left", "tickCount": 4],
              ],
              "tooltip": Encoding.tooltip([
                ("model", "model", nil), ("branch", "branch epoch", "d"), ("accuracy", "accuracy (%)", ".2f"),
              ]),
            ],
          ],
        ],
      ], tables: ["models": models, "edges": edges])
  }
}

import SoupAnalysis

/// Every pair of models: how alike the two are against what their soup gains.
public struct GainAgainstSimilarity {
  public static func figure(_ table: PairTable, _ gain: SoupGain, measure: String) -> Figure? {
    guard table.measures.contains(measure) else { return nil }
    var data = DataTable(["a", "b", "similarity", "gain", "shared"])
    for pair in table.pairs {
      guard let similarity = pair.similarities[measure], let value = gain.value(pair, in: table) else { continue }
      data.add([
        .string(table.models[pair.a].name), .string(table.models[pair.b].name), .number(similarity), .number(value),
        table.sharedEpochs(pair).map { .number(Double($0)) } ?? .null,
      ])
    }
    guard data.rows.count > 2 else { return nil }
    let name = measure.replacing("_", with: " ")
    return Figure(
      id: "gain-against-" + Identifier.make(measure), title: "Gain against \(name)",
      caption:
        "Each of \(data.rows.count) points is a pair of models: \(name) of the two against the gain of their soup, "
        + "\(gain.title). The colour is the number of epochs that they share.",
      alternative: "Scatter plot of \(name) against gain for \(data.rows.count) pairs.", layout: .half, aspect: 1.3,
      specification: [
        "data": ["name": "data"], "mark": ["type": "point", "filled": true, "size": 14, "opacity": 0.55],
        "encoding": [
          "x": Encoding.quantity("similarity", name), "y": Encoding.quantity("gain", "Gain", format: "~g"),
          "color": [
            "field": "shared", "type": "quantitative", "scale": ["range": "ramp"],
            "legend": ["title": "shared epochs", "titleOrient": "left", "gradientLength": 110, "tickCount": 3],
          ],
          "tooltip": Encoding.tooltip([
            ("a", "first", nil), ("b", "second", nil), ("similarity", name, ".4~g"), ("gain", "gain", "+.4f"),
            ("shared", "shared epochs", "d"),
          ]),
        ],
      ], tables: ["data": data])
  }
}

import SoupAnalysis

/// Why a soup's loss differs from the ensemble's: the true difference beside its second-order estimate and the estimate's two terms.
/// - Source: Wortsman et al., 2022, arXiv:2203.05482, section 4 and figure 5.
public struct SoupVersusEnsemble {
  /// All lines in one scatter plot, then each along α.
  /// - Parameter lines: `approximation` records, by the name of their run.
  public static func figures(_ lines: [(name: String, records: [JSON])]) -> [Figure] {
    let lines = lines.map { line in
      (
        name: line.name,
        records: line.records.filter { $0["difference"]?.number != nil && $0["estimate"]?.number != nil }.sorted {
          $0["alpha"]?.number ?? 0 < $1["alpha"]?.number ?? 0
        }
      )
    }.filter { $0.records.count > 1 }
    guard !lines.isEmpty else { return [] }
    return [agreement(lines)] + lines.map { terms($0.records, $0.name) }
  }

  private static func agreement(_ lines: [(name: String, records: [JSON])]) -> Figure {
    var data = DataTable(["line", "alpha", "estimate", "difference", "soup_accuracy", "ensemble_accuracy"])
    for line in lines {
      for record in line.records {
        let accuracies = ["soup_error", "ensemble_error"].map { name in
          JSON.percent(record[name]?.number.map { 1 - $0 })
        }
        data.add(
          [.string(line.name), record["alpha"] ?? .null, record["estimate"]!, record["difference"]!] + accuracies)
      }
    }
    let estimates = lines.flatMap { $0.records.compactMap { $0["estimate"]?.number } }
    let differences = lines.flatMap { $0.records.compactMap { $0["difference"]?.number } }
    let values = [0] + estimates + differences
    let (low, high) = (values.min()!, values.max()!)
    let border = max(high - low, 1e-9) * 0.06
    let domain = [low - border, high + border]
    var diagonal = DataTable(["x", "y"])
    for end in domain { diagonal.add([.number(end), .number(end)]) }
    var encoding: JSON = [
      "x": Encoding.quantity("estimate", "Estimate (nats)", domain: domain),
      "y": Encoding.quantity("difference", "True difference, soup minus ensemble (nats)", domain: domain),
      "tooltip": Encoding.tooltip([
        ("line", "models", nil), ("alpha", "α", ".3f"), ("estimate", "estimate", "+.4f"),
        ("difference", "true difference", "+.4f"), ("soup_accuracy", "soup (%)", ".2f"),
        ("ensemble_accuracy", "ensemble (%)", ".2f"),
      ]),
    ]
    if lines.count > 1 {
      encoding["color"] = [
        "field": "line", "type": "nominal", "scale": ["range": "category"], "legend": ["title": nil],
      ]
    }
    let correlation = (try? Correlation.pearson(estimates, differences))?.coefficient
    let mark: JSON = ["type": "point", "filled": true, "size": 70, "opacity": 0.95]
    return Figure(
      id: "soup-versus-ensemble", title: "Soup against ensemble",
      caption:
        "Loss of the soup minus loss of the ensemble of the same two models, at every α: the second-order estimate against the "
        + "true difference. On the diagonal the estimate is exact; below 0 the soup is better."
        + (correlation.map { " Pearson's correlation is \(Text.fixed($0, 3)) over \(estimates.count) points." } ?? ""),
      alternative:
        "Scatter plot of \(estimates.count) mixtures, estimated against true difference of losses between soup and ensemble.",
      layout: .square, aspect: 1,
      specification: [
        "layer": [
          [
            "data": ["name": "diagonal"], "mark": ["type": "line", "color": "@line", "strokeWidth": 1.5],
            "encoding": ["x": ["field": "x", "type": "quantitative"], "y": ["field": "y", "type": "quantitative"]],
          ],
          [
            "data": ["name": "data"], "mark": lines.count > 1 ? mark : mark.merging(["color": "@blue"]),
            "encoding": encoding,
          ],
        ]
      ], tables: ["data": data, "diagonal": diagonal])
  }

  private static func terms(_ records: [JSON], _ name: String) -> Figure {
    let curves: [(field: String, title: String, color: String, dash: [JSON])] = [
      ("difference", "True difference", "@ink", [1, 0]), ("estimate", "Estimate", "@red", [1, 0]),
      ("curvature_term", "Curvature term", "@blue", [5, 3]), ("variance_term", "Disagreement term", "@green", [5, 3]),
    ]
    var data = DataTable(["curve", "alpha", "value"])
    for curve in curves {
      for record in records {
        guard let value = record[curve.field]?.number else { continue }
        data.add([.string(curve.title), record["alpha"] ?? .null, .number(value)])
      }
    }
    let domain = JSON.array(curves.map { .string($0.title) })
    let beta = records.first?["beta"]?.number
    return Figure(
      id: "approximation-" + Identifier.make(name), title: "What the difference is made of: \(name)",
      caption:
        "Loss of the soup minus loss of the ensemble along α, and the two terms of its estimate: the curvature of the soup's loss, "
        + "which helps the soup, and the disagreement of the two models, which helps the ensemble"
        + (beta.map { "; losses at inverse temperature β = \(Text.fixed($0, 2))." } ?? "."),
      alternative: "Curves over α of the true difference, its estimate and the estimate's two terms.",
      layout: .half, aspect: 1.35,
      specification: [
        "data": ["name": "data"],
        "mark": ["type": "line", "strokeWidth": 2, "point": ["filled": true, "size": 30]],
        "encoding": [
          "x": [
            "field": "alpha", "type": "quantitative", "scale": ["nice": false], "axis": ["title": "α", "tickCount": 5],
          ],
          "y": Encoding.quantity("value", "Difference of losses (nats)", format: "+~g"),
          "color": [
            "field": "curve", "type": "nominal", "legend": ["title": nil],
            "scale": ["domain": domain, "range": .array(curves.map { .string($0.color) })],
          ],
          "strokeDash": [
            "field": "curve", "type": "nominal", "legend": ["title": nil],
            "scale": ["domain": domain, "range": .array(curves.map { .array($0.dash) })],
          ],
          "tooltip": Encoding.tooltip([("curve", "curve", nil), ("alpha", "α", ".3f"), ("value", "nats", "+.4f")]),
        ],
      ], tables: ["data": data])
  }
}

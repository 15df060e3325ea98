import SoupAnalysis

/// Every pair of models: the angle between their task vectors against what averaging the two gains.
/// - Source: Wortsman et al., 2022, arXiv:2203.05482, figure 3.
public struct PairAngles {
  /// - Parameter records: `angles` records of one run of `soup landscape angles`.
  public static func figure(_ records: [JSON], name: String) -> Figure? {
    let fields = ["advantage", "advantage_low", "advantage_high", "top1_a", "top1_b", "top1_middle", "over_best"]
    var data = DataTable(["pair", "a", "b", "angle"] + fields + ["over_best_p"])
    var points: [(angle: Double, advantage: Double)] = []
    for record in records {
      guard let angle = record["angle"]?.number, let advantage = record["advantage"]?.number else { continue }
      let (a, b) = (record["a"]?.string ?? "?", record["b"]?.string ?? "?")
      points.append((angle, advantage))
      data.add(
        [.string("\(a) and \(b)"), .string(a), .string(b), .number(angle)]
          + fields.map { .percent(record[$0]?.number) } + [record["over_best_p"] ?? .null])
    }
    guard points.count > 1 else { return nil }
    let spearman = try? Correlation.spearman(points.map(\.angle), points.map(\.advantage))
    let x = Encoding.quantity("angle", "Angle between the task vectors (°)")
    let specification: JSON = [
      "data": ["name": "data"],
      "layer": [
        zeroRule,
        [
          "mark": ["type": "rule", "color": "@blue", "strokeWidth": 1.4, "strokeOpacity": 0.4],
          "encoding": [
            "x": x, "y": ["field": "advantage_low", "type": "quantitative"], "y2": ["field": "advantage_high"],
          ],
        ],
        [
          "mark": ["type": "point", "filled": true, "size": 70, "opacity": 0.95, "color": "@blue"],
          "encoding": [
            "x": x, "y": Encoding.quantity("advantage", "Interpolation advantage (points)", format: "+"),
            "tooltip": Encoding.tooltip([
              ("pair", "pair", nil), ("angle", "angle (°)", ".1f"), ("top1_a", "first (%)", ".2f"),
              ("top1_b", "second (%)", ".2f"), ("top1_middle", "their mean (%)", ".2f"),
              ("advantage", "advantage", "+.2f"), ("advantage_low", "from", "+.2f"), ("advantage_high", "to", "+.2f"),
              ("over_best", "over the better", "+.2f"), ("over_best_p", "p of that", ".3~g"),
            ]),
          ],
        ],
      ],
    ]
    let together = spearman.map {
      "Spearman's rank correlation over the \(points.count) pairs is \(Text.fixed($0.coefficient, 2)); pairs share models, so it "
        + "is less certain than as many independent points would make it."
    }
    return Figure(
      id: "angles-" + Identifier.make(name), title: "Angle and advantage",
      caption:
        "Each point is a pair of models: the angle between their task vectors (weights minus the initialisation's) against the "
        + "accuracy of the mean of the two minus the mean of their accuracies, with 95 % intervals (paired bootstrap over images). "
        + (together ?? ""),
      alternative:
        "Scatter plot of \(points.count) pairs of models: angles from \(Text.fixed(points.map(\.angle).min()!, 1))° to "
        + "\(Text.fixed(points.map(\.angle).max()!, 1))°, advantages from \(Text.points(points.map(\.advantage).min()!)) to "
        + "\(Text.points(points.map(\.advantage).max()!)) points.", layout: .half, aspect: 1.35,
      specification: specification, tables: ["data": data])
  }

  private static let zeroRule: JSON = [
    "data": ["values": [["zero": 0]]],
    "mark": ["type": "rule", "color": "@line", "strokeWidth": 1.5], "encoding": ["y": ["datum": 0]],
  ]
}
